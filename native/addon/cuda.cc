#include <algorithm>

#include "arguments.h"
#include "core/cuda/group_advantage.h"
#include "core/cuda/logprob.h"
#include "core/group_advantage.h"
#include "register.h"

namespace parl::addon {
namespace {

// cudaGroupAdvantages(rewards: Float64Array, groupIds: Int32Array, estimator: 0 | 1 | 2, epsilon: number,
//                     out: Float64Array): string
//   '' or what failed; the rewards have to be usable
Napi::Value cudaGroupAdvantages(const Napi::CallbackInfo& info) {
  const auto rewards = doubles(info, 0, "rewards");
  const auto groupIds = ints(info, 1, "groupIds");
  const int64_t estimator = extent(info, 2, "estimator");
  const double epsilon = number(info, 3, "epsilon");
  const auto out = doubles(info, 4, "out");
  expectLength(info.Env(), "groupIds", groupIds.size(), rewards.size());
  expectLength(info.Env(), "out", out.size(), rewards.size());
  if (estimator > 2) throwArgument(info.Env(), "expected estimator to be 0, 1 or 2, received " + std::to_string(estimator));
  if (firstUnusableReward(rewards) >= 0) throwArgument(info.Env(), "expected usable rewards");
  return Napi::String::New(
      info.Env(), cuda::groupAdvantages(rewards, groupIds, static_cast<AdvantageEstimator>(estimator), epsilon, out));
}

// cudaLogprobForward(logits: Float32Array, targets: Int32Array, n: number, v: number, temperature: number,
//                    logprobs, entropies, lse: Float32Array): string
//   '' or what failed
Napi::Value cudaLogprobForward(const Napi::CallbackInfo& info) {
  const auto logits = floats(info, 0, "logits");
  const auto targets = ints(info, 1, "targets");
  const int64_t n = extent(info, 2, "n"), v = extent(info, 3, "v");
  const double temperature = number(info, 4, "temperature");
  const auto logprobs = floats(info, 5, "logprobs"), entropies = floats(info, 6, "entropies"), lse = floats(info, 7, "lse");
  expectLength(info.Env(), "targets", targets.size(), static_cast<size_t>(n));
  for (const auto& [name, out] : {std::pair("logprobs", logprobs), {"entropies", entropies}, {"lse", lse}}) {
    expectLength(info.Env(), name, out.size(), static_cast<size_t>(n));
  }
  if (n > 0 && (v == 0 || logits.size() % static_cast<size_t>(v) != 0 || logits.size() / static_cast<size_t>(v) != targets.size())) {
    throwArgument(info.Env(), "expected logits.length to be n * v");
  }
  if (std::any_of(targets.begin(), targets.end(), [&](int32_t t) { return t < 0 || t >= v; })) {
    throwArgument(info.Env(), "expected targets in [0, v)");
  }
  return Napi::String::New(info.Env(), cuda::logprobForward(logits.data(), targets.data(), n, v, static_cast<float>(temperature),
                                                            logprobs.data(), entropies.data(), lse.data()));
}

}  // namespace

void registerCuda(Napi::Env env, Napi::Object exports) {
  exports.Set("cudaGroupAdvantages", Napi::Function::New(env, cudaGroupAdvantages));
  exports.Set("cudaLogprobForward", Napi::Function::New(env, cudaLogprobForward));
}

}  // namespace parl::addon
