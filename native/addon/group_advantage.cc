#include "core/group_advantage.h"

#include "arguments.h"
#include "register.h"

namespace parl::addon {
namespace {

// groupAdvantages(rewards: Float64Array, groupIds: Int32Array, estimator: 0 | 1 | 2, epsilon: number, out: Float64Array): void
Napi::Value groupAdvantages(const Napi::CallbackInfo& info) {
  const auto rewards = doubles(info, 0, "rewards");
  const auto groupIds = ints(info, 1, "groupIds");
  const int64_t estimator = extent(info, 2, "estimator");
  const double epsilon = number(info, 3, "epsilon");
  const auto out = doubles(info, 4, "out");
  expectLength(info.Env(), "groupIds", groupIds.size(), rewards.size());
  expectLength(info.Env(), "out", out.size(), rewards.size());
  if (estimator > 2) throwArgument(info.Env(), "expected estimator to be 0, 1 or 2, received " + std::to_string(estimator));
  if (firstUnusableReward(rewards) >= 0) throwArgument(info.Env(), "expected usable rewards");
  parl::groupAdvantages(rewards, groupIds, static_cast<AdvantageEstimator>(estimator), epsilon, out);
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
  exports.Set("broadcastToTokens", Napi::Function::New(env, broadcastToTokens));
  exports.Set("groupAdvantages", Napi::Function::New(env, groupAdvantages));
}

}  // namespace parl::addon
