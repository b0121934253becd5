#include "core/logprob.h"

#include "arguments.h"
#include "core/probability_squares.h"
#include "register.h"

namespace parl::addon {
namespace {

// logprobForward(logits: Float32Array, targets: Int32Array, n, v, temperature, logprobs: Float32Array,
//                entropies: Float32Array | null, lse: Float32Array): void
Napi::Value logprobForward(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const auto logits = floats(info, 0, "logits");
  const auto targets = ints(info, 1, "targets");
  const int64_t n = extent(info, 2, "n"), v = extent(info, 3, "v");
  const auto logprobs = floats(info, 5, "logprobs"), entropies = floatsOrNull(info, 6, "entropies"), lse = floats(info, 7, "lse");
  expectLength(env, "logits", logits.size(), elements(env, {n, v}));
  expectLength(env, "targets", targets.size(), static_cast<size_t>(n));
  expectLength(env, "logprobs", logprobs.size(), targets.size());
  if (entropies.data() != nullptr) expectLength(env, "entropies", entropies.size(), targets.size());
  expectLength(env, "lse", lse.size(), targets.size());
  expectIndices(env, "targets", targets, v);
  parl::logprobForward(logits.data(), targets.data(), n, v, static_cast<float>(number(info, 4, "temperature")), logprobs.data(),
                       entropies.data(), lse.data());
  return env.Undefined();
}

// logprobBackward(dLogprobs: Float32Array, dEntropies: Float32Array | null, logits: Float32Array, targets: Int32Array,
//                 lse: Float32Array, entropies: Float32Array | null, n, v, temperature, dLogits: Float32Array): void
Napi::Value logprobBackward(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const auto dLogprobs = floats(info, 0, "dLogprobs"), dEntropies = floatsOrNull(info, 1, "dEntropies"), logits = floats(info, 2, "logits");
  const auto targets = ints(info, 3, "targets");
  const auto lse = floats(info, 4, "lse"), entropies = floatsOrNull(info, 5, "entropies"), dLogits = floats(info, 9, "dLogits");
  const int64_t n = extent(info, 6, "n"), v = extent(info, 7, "v");
  expectLength(env, "dLogprobs", dLogprobs.size(), static_cast<size_t>(n));
  expectLength(env, "logits", logits.size(), elements(env, {n, v}));
  expectLength(env, "targets", targets.size(), dLogprobs.size());
  expectLength(env, "lse", lse.size(), dLogprobs.size());
  if (dEntropies.data() != nullptr) {
    expectLength(env, "dEntropies", dEntropies.size(), dLogprobs.size());
    expectLength(env, "entropies", entropies.size(), dLogprobs.size());
  }
  expectLength(env, "dLogits", dLogits.size(), logits.size());
  expectIndices(env, "targets", targets, v);
  parl::logprobBackward(dLogprobs.data(), dEntropies.data(), logits.data(), targets.data(), lse.data(), entropies.data(), n, v,
                        static_cast<float>(number(info, 8, "temperature")), dLogits.data());
  return env.Undefined();
}

// probabilitySquares(logits: Float32Array, n, v, temperature, squares: Float32Array): void
Napi::Value probabilitySquares(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const auto logits = floats(info, 0, "logits");
  const int64_t n = extent(info, 1, "n"), v = extent(info, 2, "v");
  const auto squares = floats(info, 4, "squares");
  expectLength(env, "logits", logits.size(), elements(env, {n, v}));
  expectLength(env, "squares", squares.size(), static_cast<size_t>(n));
  parl::probabilitySquares(logits.data(), n, v, static_cast<float>(number(info, 3, "temperature")), squares.data());
  return env.Undefined();
}

}  // namespace

void registerLogprob(Napi::Env env, Napi::Object exports) {
  exports.Set("logprobBackward", Napi::Function::New(env, logprobBackward));
  exports.Set("logprobForward", Napi::Function::New(env, logprobForward));
  exports.Set("probabilitySquares", Napi::Function::New(env, probabilitySquares));
}

}  // namespace parl::addon
