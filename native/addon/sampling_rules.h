// Sampling rules and stop texts as JavaScript passes them.
#pragma once

#include "core/logits_processors.h"
#include "core/stop_texts.h"

#include "arguments.h"

namespace parl::addon {

inline std::vector<int32_t> tokensOf(Napi::Env env, const Napi::Object& object, const char* name) {
  const Napi::Value value = object.Get(name);
  if (!value.IsTypedArray() || value.As<Napi::TypedArray>().TypedArrayType() != napi_int32_array) {
    throwArgument(env, std::string("expected rules.") + name + " to be an Int32Array");
  }
  const auto array = value.As<Napi::Int32Array>();
  return {array.Data(), array.Data() + array.ElementLength()};
}

// Lists of different length, one behind the other.
inline std::vector<std::vector<int32_t>> tokenListsOf(Napi::Env env, const Napi::Object& object, const char* name, const char* offsetsName) {
  const std::vector<int32_t> all = tokensOf(env, object, name), offsets = tokensOf(env, object, offsetsName);
  std::vector<std::vector<int32_t>> lists;
  for (size_t i = 0; i + 1 < offsets.size(); ++i) {
    if (offsets[i] < 0 || offsets[i + 1] < offsets[i] || static_cast<size_t>(offsets[i + 1]) > all.size()) {
      throwArgument(env, std::string("expected rules.") + offsetsName + " to ascend within the tokens");
    }
    lists.emplace_back(all.begin() + offsets[i], all.begin() + offsets[i + 1]);
  }
  return lists;
}

inline double ruleOf(Napi::Env env, const Napi::Object& object, const char* name) {
  const Napi::Value value = object.Get(name);
  if (!value.IsNumber()) throwArgument(env, std::string("expected rules.") + name + " to be a number");
  return value.As<Napi::Number>().DoubleValue();
}

// Ranges are checked by @parl-mt/native; here only what the core would trip over.
inline SamplingRules readSamplingRules(Napi::Env env, const Napi::Value& value) {
  SamplingRules rules;
  if (value.IsUndefined()) return rules;
  if (!value.IsObject()) throwArgument(env, "expected rules to be an object");
  const Napi::Object object = value.As<Napi::Object>();
  const auto count = [&](const char* name) {
    const double number = ruleOf(env, object, name);
    if (!(number >= 0 && number <= 9007199254740991.0)) throwArgument(env, std::string("expected rules.") + name + " to be at least 0");
    return static_cast<int64_t>(number);
  };
  rules.repetitionPenalty = static_cast<float>(ruleOf(env, object, "repetitionPenalty"));
  if (!(rules.repetitionPenalty > 0)) throwArgument(env, "expected rules.repetitionPenalty to be above 0");
  rules.noRepeatNgramSize = count("noRepeatNgramSize");
  rules.badWords = tokenListsOf(env, object, "badWords", "badWordOffsets");
  rules.minLength = count("minLength");
  rules.minNewTokens = count("minNewTokens");
  rules.endTokens = tokensOf(env, object, "endTokens");
  rules.suppressTokens = tokensOf(env, object, "suppressTokens");
  rules.beginSuppressTokens = tokensOf(env, object, "beginSuppressTokens");
  rules.topK = count("topK");
  rules.topP = ruleOf(env, object, "topP");
  rules.minP = ruleOf(env, object, "minP");
  for (const auto* tokens : {&rules.endTokens, &rules.suppressTokens, &rules.beginSuppressTokens}) {
    for (const int32_t token : *tokens) {
      if (token < 0) throwArgument(env, "expected tokens of rules to be at least 0");
    }
  }
  return rules;
}

// { texts: string[], tokenBytes: Uint8Array, tokenOffsets: Int32Array }, or undefined.
inline StopTexts readStopTexts(Napi::Env env, const Napi::Value& value, int64_t vocabSize) {
  StopTexts stop;
  if (value.IsUndefined()) return stop;
  if (!value.IsObject()) throwArgument(env, "expected stopTexts to be an object");
  const Napi::Object object = value.As<Napi::Object>();
  const Napi::Value texts = object.Get("texts"), bytes = object.Get("tokenBytes");
  if (!texts.IsArray()) throwArgument(env, "expected stopTexts.texts to be an array");
  for (uint32_t i = 0; i < texts.As<Napi::Array>().Length(); ++i) {
    const Napi::Value text = texts.As<Napi::Array>().Get(i);
    if (!text.IsString()) throwArgument(env, "expected stopTexts.texts to hold strings");
    stop.texts.push_back(text.As<Napi::String>().Utf8Value());
    if (stop.texts.back().empty()) throwArgument(env, "expected no empty stop text");
  }
  if (!bytes.IsTypedArray() || bytes.As<Napi::TypedArray>().TypedArrayType() != napi_uint8_array) {
    throwArgument(env, "expected stopTexts.tokenBytes to be a Uint8Array");
  }
  const auto array = bytes.As<Napi::Uint8Array>();
  stop.tokenBytes.assign(array.Data(), array.Data() + array.ElementLength());
  stop.tokenOffsets = tokensOf(env, object, "tokenOffsets");
  expectLength(env, "stopTexts.tokenOffsets", stop.tokenOffsets.size(), static_cast<size_t>(vocabSize) + 1);
  for (size_t i = 0; i + 1 < stop.tokenOffsets.size(); ++i) {
    const bool ascends = stop.tokenOffsets[i] >= 0 && stop.tokenOffsets[i] <= stop.tokenOffsets[i + 1];
    if (!ascends || static_cast<size_t>(stop.tokenOffsets[i + 1]) > stop.tokenBytes.size()) {
      throwArgument(env, "expected stopTexts.tokenOffsets to ascend within tokenBytes");
    }
  }
  return stop;
}

}  // namespace parl::addon
