#include "core/group_advantage.h"

#include "arguments.h"
#include "core/group_baseline.h"
#include "core/reward_parts.h"
#include "register.h"

namespace parl::addon {
namespace {

void expectUsable(Napi::Env env, std::span<const double> rewards) {
  if (firstUnusableReward(rewards) >= 0) throwArgument(env, "expected usable rewards");
}

// groupAdvantages(rewards: Float64Array, groupIds: Int32Array, estimator: 0 | 1 | 2, epsilon: number,
//                 populationDeviation: boolean, batchDeviation: boolean, keepSingletons: boolean, out: Float64Array): void
Napi::Value groupAdvantages(const Napi::CallbackInfo& info) {
  const auto rewards = doubles(info, 0, "rewards");
  const auto groupIds = ints(info, 1, "groupIds");
  GroupAdvantageOptions options = groupOptions(info, 2);
  options.populationDeviation = flag(info, 4);
  options.batchDeviation = flag(info, 5);
  options.keepSingletons = flag(info, 6);
  const auto out = doubles(info, 7, "out");
  expectLength(info.Env(), "groupIds", groupIds.size(), rewards.size());
  expectLength(info.Env(), "out", out.size(), rewards.size());
  expectUsable(info.Env(), rewards);
  parl::groupAdvantages(rewards, groupIds, options, out);
  return info.Env().Undefined();
}

// lengthBaselineAdvantages(rewards: Float64Array, lengths: Float64Array, groupIds: Int32Array, keepSingletons: boolean,
//                          out: Float64Array): void
Napi::Value lengthBaselineAdvantages(const Napi::CallbackInfo& info) {
  const auto rewards = doubles(info, 0, "rewards"), lengths = doubles(info, 1, "lengths");
  const auto groupIds = ints(info, 2, "groupIds");
  const auto out = doubles(info, 4, "out");
  expectLength(info.Env(), "lengths", lengths.size(), rewards.size());
  expectLength(info.Env(), "groupIds", groupIds.size(), rewards.size());
  expectLength(info.Env(), "out", out.size(), rewards.size());
  expectUsable(info.Env(), rewards);
  parl::lengthBaselineAdvantages(rewards, lengths, groupIds, flag(info, 3), out);
  return info.Env().Undefined();
}

// bestOfGroupAdvantages(rewards: Float64Array, groupIds: Int32Array, scale: boolean, epsilon: number, out: Float64Array): void
Napi::Value bestOfGroupAdvantages(const Napi::CallbackInfo& info) {
  const auto rewards = doubles(info, 0, "rewards");
  const auto groupIds = ints(info, 1, "groupIds");
  const auto out = doubles(info, 4, "out");
  expectLength(info.Env(), "groupIds", groupIds.size(), rewards.size());
  expectLength(info.Env(), "out", out.size(), rewards.size());
  expectUsable(info.Env(), rewards);
  parl::bestOfGroupAdvantages(rewards, groupIds, flag(info, 2), number(info, 3, "epsilon"), out);
  return info.Env().Undefined();
}

// partAdvantages(parts: Float64Array, weights: Float64Array, groupIds: Int32Array, estimator: 0 | 1 | 2, epsilon: number,
//                keepSingletons: boolean, out: Float64Array): void
Napi::Value partAdvantages(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const auto parts = doubles(info, 0, "parts"), weights = doubles(info, 1, "weights");
  const auto groupIds = ints(info, 2, "groupIds");
  GroupAdvantageOptions options = groupOptions(info, 3);
  options.keepSingletons = flag(info, 5);
  const auto out = doubles(info, 6, "out");
  expectLength(env, "parts", parts.size(),
               elements(env, {static_cast<int64_t>(groupIds.size()), static_cast<int64_t>(weights.size())}));
  expectLength(env, "out", out.size(), groupIds.size());
  parl::partAdvantages(parts, weights, groupIds, options, out);
  return env.Undefined();
}

// standardize(values: Float64Array, epsilon: number, out: Float64Array): void
Napi::Value standardize(const Napi::CallbackInfo& info) {
  const auto values = doubles(info, 0, "values"), out = doubles(info, 2, "out");
  expectLength(info.Env(), "out", out.size(), values.size());
  parl::standardize(values, number(info, 1, "epsilon"), out);
  return info.Env().Undefined();
}

// broadcastToTokens(values: Float64Array, offsets: Int32Array, out: Float32Array): void
Napi::Value broadcastToTokens(const Napi::CallbackInfo& info) {
  const auto values = doubles(info, 0, "values");
  const auto offsets = ints(info, 1, "offsets");
  const auto out = floats(info, 2, "out");
  expectLength(info.Env(), "offsets", offsets.size(), values.size() + 1);
  if (!offsetsAscend(offsets)) throwArgument(info.Env(), "expected offsets to ascend from 0");
  expectLength(info.Env(), "out", out.size(), static_cast<size_t>(offsets.back()));
  parl::broadcastToTokens(values, offsets, out);
  return info.Env().Undefined();
}

}  // namespace

void registerGroupAdvantage(Napi::Env env, Napi::Object exports) {
  exports.Set("bestOfGroupAdvantages", Napi::Function::New(env, bestOfGroupAdvantages));
  exports.Set("broadcastToTokens", Napi::Function::New(env, broadcastToTokens));
  exports.Set("groupAdvantages", Napi::Function::New(env, groupAdvantages));
  exports.Set("lengthBaselineAdvantages", Napi::Function::New(env, lengthBaselineAdvantages));
  exports.Set("partAdvantages", Napi::Function::New(env, partAdvantages));
  exports.Set("standardize", Napi::Function::New(env, standardize));
}

}  // namespace parl::addon
