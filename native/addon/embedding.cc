#include "core/embedding.h"

#include "arguments.h"
#include "register.h"

namespace parl::addon {
namespace {

// embeddingForward(weight: Float32Array | Uint16Array of bfloat16, ids: Int32Array, out: Float32Array, d): void
Napi::Value embeddingForward(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const auto weight = weightArgument(info, 0, "weight");
  const auto ids = ints(info, 1, "ids");
  const auto out = floats(info, 2, "out");
  const int64_t d = extent(info, 3, "d"), n = static_cast<int64_t>(ids.size());
  const int64_t vocab = d == 0 ? 0 : static_cast<int64_t>(weight.size) / d;
  expectLength(env, "weight", weight.size, elements(env, {vocab, d}));
  expectLength(env, "out", out.size(), elements(env, {n, d}));
  expectIndices(env, "ids", ids, vocab);
  parl::embeddingForward(weight.data, ids.data(), out.data(), n, d);
  return env.Undefined();
}

// embeddingBackward(dOut: Float32Array, ids: Int32Array, dWeight: Float32Array, d, vocab): void
Napi::Value embeddingBackward(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const auto dOut = floats(info, 0, "dOut");
  const auto ids = ints(info, 1, "ids");
  const auto dWeight = floats(info, 2, "dWeight");
  const int64_t d = extent(info, 3, "d"), vocab = extent(info, 4, "vocab"), n = static_cast<int64_t>(ids.size());
  expectLength(env, "dOut", dOut.size(), elements(env, {n, d}));
  expectLength(env, "dWeight", dWeight.size(), elements(env, {vocab, d}));
  expectIndices(env, "ids", ids, vocab);
  parl::embeddingBackward(dOut.data(), ids.data(), dWeight.data(), n, d);
  return env.Undefined();
}

}  // namespace

void registerEmbedding(Napi::Env env, Napi::Object exports) {
  exports.Set("embeddingBackward", Napi::Function::New(env, embeddingBackward));
  exports.Set("embeddingForward", Napi::Function::New(env, embeddingForward));
}

}  // namespace parl::addon
