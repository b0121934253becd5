#include "core/min_hash.h"

#include <algorithm>
#include <new>
#include <vector>

#include "arguments.h"
#include "register.h"

namespace parl::addon {
namespace {

// gramKeyOffsets(tokens: Int32Array, offsets: Int32Array, n: number, keyOffsets: Int32Array): void
Napi::Value gramKeyOffsets(const Napi::CallbackInfo& info) {
  const TokenBatch batch{ints(info, 0, "tokens"), ints(info, 1, "offsets")};
  const auto keyOffsets = ints(info, 3, "keyOffsets");
  if (!offsetsAscend(batch.offsets)) throwArgument(info.Env(), "expected offsets to ascend from 0");
  expectLength(info.Env(), "tokens", batch.tokens.size(), static_cast<size_t>(batch.offsets.back()));
  expectLength(info.Env(), "keyOffsets", keyOffsets.size(), batch.offsets.size());
  parl::gramKeyOffsets(batch, std::max<int64_t>(1, extent(info, 2, "n")), keyOffsets);
  return info.Env().Undefined();
}

// gramKeys(tokens: Int32Array, offsets: Int32Array, n: number, mixed: boolean, keyOffsets: Int32Array, keys: Uint32Array): void
Napi::Value gramKeys(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const TokenBatch batch{ints(info, 0, "tokens"), ints(info, 1, "offsets")};
  const int64_t n = extent(info, 2, "n");
  const auto keyOffsets = ints(info, 4, "keyOffsets");
  const auto keys = words32(info, 5, "keys");
  if (!offsetsAscend(batch.offsets) || !offsetsAscend(keyOffsets)) throwArgument(env, "expected offsets to ascend from 0");
  expectLength(env, "tokens", batch.tokens.size(), static_cast<size_t>(batch.offsets.back()));
  expectLength(env, "keyOffsets", keyOffsets.size(), batch.offsets.size());
  expectLength(env, "keys", keys.size(), static_cast<size_t>(keyOffsets.back()));
  if (n < 1 || n > 64) throwArgument(env, "expected n to be in 1..64");
  for (size_t s = 0; s < batch.size(); ++s) {
    const int64_t grams = std::max<int64_t>(0, static_cast<int64_t>(batch[s].size()) - n + 1);
    if (keyOffsets[s + 1] - keyOffsets[s] != grams) throwArgument(env, "expected keyOffsets from gramKeyOffsets");
  }
  parl::gramKeys(batch, n, flag(info, 3), keyOffsets, keys);
  return env.Undefined();
}

// permutations(seed: number, multipliers: Uint32Array, addends: Uint32Array): void
Napi::Value permutations(const Napi::CallbackInfo& info) {
  const auto multipliers = words32(info, 1, "multipliers"), addends = words32(info, 2, "addends");
  expectLength(info.Env(), "addends", addends.size(), multipliers.size());
  parl::permutations(static_cast<uint64_t>(extent(info, 0, "seed")), multipliers, addends);
  return info.Env().Undefined();
}

// minHash(keys: Uint32Array, offsets: Int32Array, multipliers: Uint32Array, addends: Uint32Array,
//         signatures: Uint32Array): void
Napi::Value minHash(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const auto keys = words32(info, 0, "keys"), multipliers = words32(info, 2, "multipliers"), addends = words32(info, 3, "addends");
  const auto offsets = ints(info, 1, "offsets");
  const auto signatures = words32(info, 4, "signatures");
  if (!offsetsAscend(offsets)) throwArgument(env, "expected offsets to ascend from 0");
  expectLength(env, "keys", keys.size(), static_cast<size_t>(offsets.back()));
  expectLength(env, "addends", addends.size(), multipliers.size());
  expectLength(env, "signatures", signatures.size(),
               elements(env, {static_cast<int64_t>(offsets.size()) - 1, static_cast<int64_t>(multipliers.size())}));
  parl::minHash(keys, offsets, multipliers, addends, signatures);
  return env.Undefined();
}

// Strings of JavaScript as they are, behind each other in one buffer.
class TextBatch {
 public:
  size_t size() const { return ends_.size(); }
  void clear() {
    used_ = 0;
    ends_.clear();
  }
  // Whether it stays within the cache with another text; an empty one takes any.
  bool hasRoom(Napi::Env env, Napi::Value text) const { return ends_.empty() || used_ + units(env, text) <= kUnits; }
  void add(Napi::Env env, Napi::Value text) {
    const size_t length = units(env, text);
    if (buffer_.size() < used_ + length + 1) buffer_.resize(std::max(used_ + length + 1, kUnits + 1));
    napi_get_value_string_utf16(env, text, buffer_.data() + used_, length + 1, nullptr);
    used_ += length;
    ends_.push_back(used_);
  }
  std::vector<std::u16string_view> texts() const {
    std::vector<std::u16string_view> views;
    size_t begin = 0;
    for (const size_t end : ends_) {
      views.emplace_back(buffer_.data() + begin, end - begin);
      begin = end;
    }
    return views;
  }

 private:
  static constexpr size_t kUnits = 512 * 1024;
  static size_t units(Napi::Env env, Napi::Value text) {
    size_t length = 0;
    napi_get_value_string_utf16(env, text, nullptr, 0, &length);
    return length;
  }

  std::vector<char16_t> buffer_;
  size_t used_ = 0;
  std::vector<size_t> ends_;
};

// minHashTexts(texts: readonly string[], n: number, multipliers: Uint32Array, addends: Uint32Array,
//              signatures: Uint32Array): void
Napi::Value minHashTexts(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (!info[0].IsArray()) throwArgument(env, "expected texts to be an array");
  const Napi::Array texts = info[0].As<Napi::Array>();
  const int64_t n = extent(info, 1, "n");
  const auto multipliers = words32(info, 2, "multipliers"), addends = words32(info, 3, "addends");
  const auto signatures = words32(info, 4, "signatures");
  if (n < 1 || n > 64) throwArgument(env, "expected n to be in 1..64");
  expectLength(env, "addends", addends.size(), multipliers.size());
  expectLength(env, "signatures", signatures.size(), texts.Length() * multipliers.size());
  try {
    // Some texts at a time, in memory that stays in the cache: all threads turn them into UTF-8.
    TextBatch batch;
    size_t done = 0;
    const auto finish = [&] {
      const size_t first = done * multipliers.size();
      done += batch.size();
      if (!parl::minHashTexts(batch.texts(), n, multipliers, addends, signatures.subspan(first, batch.size() * multipliers.size()))) {
        throw std::bad_alloc();
      }
      batch.clear();
    };
    for (uint32_t i = 0; i < texts.Length(); ++i) {
      const Napi::HandleScope scope(env);
      const Napi::Value text = texts.Get(i);
      if (!text.IsString()) throwArgument(env, "expected texts[" + std::to_string(i) + "] to be a string");
      if (!batch.hasRoom(env, text)) finish();
      batch.add(env, text);
    }
    finish();
  } catch (const std::bad_alloc&) {
    throw Napi::Error::New(env, "out of memory");
  }
  return env.Undefined();
}

}  // namespace

void registerMinHash(Napi::Env env, Napi::Object exports) {
  exports.Set("gramKeyOffsets", Napi::Function::New(env, gramKeyOffsets));
  exports.Set("gramKeys", Napi::Function::New(env, gramKeys));
  exports.Set("minHash", Napi::Function::New(env, minHash));
  exports.Set("minHashTexts", Napi::Function::New(env, minHashTexts));
  exports.Set("permutations", Napi::Function::New(env, permutations));
}

}  // namespace parl::addon
