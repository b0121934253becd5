#include "core/linear_logprob.h"

#include "arguments.h"
#include "register.h"

namespace parl::addon {
namespace {

// `weight` is a Float32Array, or a Uint16Array of bfloat16 values.
//
// linearLogprobForward(hidden, weight: Float32Array, targets: Int32Array, n, d, v, temperature, logprobs: Float32Array,
//                      entropies: Float32Array | null, lse: Float32Array, keptLogits: Float32Array | null): void
Napi::Value linearLogprobForward(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const auto hidden = floats(info, 0, "hidden");
  const auto weight = weightArgument(info, 1, "weight");
  const auto targets = ints(info, 2, "targets");
  const LinearLogprobShape shape{extent(info, 3, "n"), extent(info, 4, "d"), extent(info, 5, "v"),
                                 static_cast<float>(number(info, 6, "temperature"))};
  const auto logprobs = floats(info, 7, "logprobs"), entropies = floatsOrNull(info, 8, "entropies"), lse = floats(info, 9, "lse");
  const auto keptLogits = floatsOrNull(info, 10, "keptLogits");
  expectLength(env, "hidden", hidden.size(), elements(env, {shape.n, shape.d}));
  expectLength(env, "weight", weight.size, elements(env, {shape.v, shape.d}));
  expectLength(env, "targets", targets.size(), static_cast<size_t>(shape.n));
  expectLength(env, "logprobs", logprobs.size(), targets.size());
  if (entropies.data() != nullptr) expectLength(env, "entropies", entropies.size(), targets.size());
  expectLength(env, "lse", lse.size(), targets.size());
  if (keptLogits.data() != nullptr) expectLength(env, "keptLogits", keptLogits.size(), weight.size);
  expectIndices(env, "targets", targets, shape.v);
  parl::linearLogprobForward(hidden.data(), weight.data, targets.data(), shape, logprobs.data(), entropies.data(), lse.data(),
                             keptLogits.data());
  return env.Undefined();
}

// linearLogprobBackward(dLogprobs: Float32Array, dEntropies: Float32Array | null, hidden, weight: Float32Array,
//                       targets: Int32Array, lse: Float32Array, entropies: Float32Array | null, n, d, v, temperature,
//                       dHidden: Float32Array | null, dWeight: Float32Array | null, isKept: boolean): void
Napi::Value linearLogprobBackward(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const auto dLogprobs = floats(info, 0, "dLogprobs"), dEntropies = floatsOrNull(info, 1, "dEntropies");
  const auto hidden = floats(info, 2, "hidden");
  const auto weight = weightArgument(info, 3, "weight");
  const auto targets = ints(info, 4, "targets");
  const auto lse = floats(info, 5, "lse"), entropies = floatsOrNull(info, 6, "entropies");
  const LinearLogprobShape shape{extent(info, 7, "n"), extent(info, 8, "d"), extent(info, 9, "v"),
                                 static_cast<float>(number(info, 10, "temperature"))};
  const auto dHidden = floatsOrNull(info, 11, "dHidden"), dWeight = floatsOrNull(info, 12, "dWeight");
  const bool isKept = flag(info, 13);
  if (isKept && dWeight.data() == nullptr) throwArgument(env, "expected dWeight, which keeps the logits of the forward pass, received null");
  expectLength(env, "dLogprobs", dLogprobs.size(), static_cast<size_t>(shape.n));
  expectLength(env, "hidden", hidden.size(), elements(env, {shape.n, shape.d}));
  expectLength(env, "weight", weight.size, elements(env, {shape.v, shape.d}));
  expectLength(env, "targets", targets.size(), dLogprobs.size());
  expectLength(env, "lse", lse.size(), dLogprobs.size());
  if (dEntropies.data() != nullptr) {
    expectLength(env, "dEntropies", dEntropies.size(), dLogprobs.size());
    expectLength(env, "entropies", entropies.size(), dLogprobs.size());
  }
  if (dHidden.data() != nullptr) expectLength(env, "dHidden", dHidden.size(), hidden.size());
  if (dWeight.data() != nullptr) expectLength(env, "dWeight", dWeight.size(), weight.size);
  expectIndices(env, "targets", targets, shape.v);
  parl::linearLogprobBackward(dLogprobs.data(), dEntropies.data(), hidden.data(), weight.data, targets.data(), lse.data(),
                              entropies.data(), shape, dHidden.data(), dWeight.data(), isKept);
  return env.Undefined();
}

// linearLogprobWithGradient(dLogprobs, hidden, weight: Float32Array, targets: Int32Array, n, d, v, temperature, logprobs, entropies,
//                           lse, dHidden: Float32Array, dWeight: Float32Array | null): void
Napi::Value linearLogprobWithGradient(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const auto dLogprobs = floats(info, 0, "dLogprobs"), hidden = floats(info, 1, "hidden");
  const auto weight = weightArgument(info, 2, "weight");
  const auto targets = ints(info, 3, "targets");
  const LinearLogprobShape shape{extent(info, 4, "n"), extent(info, 5, "d"), extent(info, 6, "v"),
                                 static_cast<float>(number(info, 7, "temperature"))};
  const auto logprobs = floats(info, 8, "logprobs"), entropies = floats(info, 9, "entropies"), lse = floats(info, 10, "lse");
  const auto dHidden = floats(info, 11, "dHidden"), dWeight = floatsOrNull(info, 12, "dWeight");
  expectLength(env, "dLogprobs", dLogprobs.size(), static_cast<size_t>(shape.n));
  expectLength(env, "hidden", hidden.size(), elements(env, {shape.n, shape.d}));
  expectLength(env, "weight", weight.size, elements(env, {shape.v, shape.d}));
  expectLength(env, "targets", targets.size(), dLogprobs.size());
  expectLength(env, "logprobs", logprobs.size(), dLogprobs.size());
  expectLength(env, "entropies", entropies.size(), dLogprobs.size());
  expectLength(env, "lse", lse.size(), dLogprobs.size());
  expectLength(env, "dHidden", dHidden.size(), hidden.size());
  if (dWeight.data() != nullptr) expectLength(env, "dWeight", dWeight.size(), weight.size);
  expectIndices(env, "targets", targets, shape.v);
  parl::linearLogprobWithGradient(dLogprobs.data(), hidden.data(), weight.data, targets.data(), shape, logprobs.data(),
                                  entropies.data(), lse.data(), dHidden.data(), dWeight.data());
  return env.Undefined();
}

}  // namespace

void registerLinearLogprob(Napi::Env env, Napi::Object exports) {
  exports.Set("linearLogprobBackward", Napi::Function::New(env, linearLogprobBackward));
  exports.Set("linearLogprobForward", Napi::Function::New(env, linearLogprobForward));
  exports.Set("linearLogprobWithGradient", Napi::Function::New(env, linearLogprobWithGradient));
}

}  // namespace parl::addon
