#include "core/repeated_calls.h"

#include "arguments.h"
#include "core/group_advantage.h"
#include "core/text_hash.h"
#include "register.h"

namespace parl::addon {
namespace {

// hashTexts(texts: readonly string[], out: BigUint64Array): void
Napi::Value hashTexts(const Napi::CallbackInfo& info) {
  if (!info[0].IsArray()) throwArgument(info.Env(), "expected texts to be an array");
  const Napi::Array texts = info[0].As<Napi::Array>();
  const auto out = words(info, 1, "out");
  expectLength(info.Env(), "out", out.size(), texts.Length());
  for (uint32_t i = 0; i < texts.Length(); ++i) {
    const Napi::HandleScope scope(info.Env());  // or every string of a long list stays alive until the end
    const Napi::Value text = texts.Get(i);
    if (!text.IsString()) throwArgument(info.Env(), "expected texts[" + std::to_string(i) + "] to be a string");
    const std::string utf8 = text.As<Napi::String>().Utf8Value();
    out[i] = textHash(utf8.data(), utf8.size());
  }
  return info.Env().Undefined();
}

// repeatedCalls(callHashes: BigUint64Array, stateVersions: Int32Array, failed: Uint8Array, offsets: Int32Array,
//               out: Uint8Array): void
Napi::Value repeatedCalls(const Napi::CallbackInfo& info) {
  const auto callHashes = words(info, 0, "callHashes");
  const auto stateVersions = ints(info, 1, "stateVersions");
  const auto failed = bytes(info, 2, "failed");
  const auto offsets = ints(info, 3, "offsets");
  const auto out = bytes(info, 4, "out");
  if (!offsetsAscend(offsets)) throwArgument(info.Env(), "expected offsets to ascend from 0");
  const auto calls = static_cast<size_t>(offsets.back());
  expectLength(info.Env(), "callHashes", callHashes.size(), calls);
  expectLength(info.Env(), "stateVersions", stateVersions.size(), calls);
  expectLength(info.Env(), "failed", failed.size(), calls);
  expectLength(info.Env(), "out", out.size(), calls);
  parl::repeatedCalls(callHashes, stateVersions, failed, offsets, out);
  return info.Env().Undefined();
}

}  // namespace

void registerRepeatedCalls(Napi::Env env, Napi::Object exports) {
  exports.Set("hashTexts", Napi::Function::New(env, hashTexts));
  exports.Set("repeatedCalls", Napi::Function::New(env, repeatedCalls));
}

}  // namespace parl::addon
