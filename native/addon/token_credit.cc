#include "core/token_credit.h"

#include "arguments.h"
#include "core/group_token_advantage.h"
#include "core/masked_statistics.h"
#include "core/token_baseline.h"
#include "core/turn_credit.h"
#include "register.h"

namespace parl::addon {
namespace {

// A status for JavaScript: [fault, index of the token], fault 0 none, 1 a reward outside the mask, 2 not finite.
Napi::Value report(Napi::Env env, const CreditStatus& status) {
  Napi::Array pair = Napi::Array::New(env, 2);
  pair.Set(0u, static_cast<double>(status.fault));
  pair.Set(1u, static_cast<double>(status.index));
  return pair;
}

// tokenRewardSums(rewards: Float32Array, mask: Uint8Array, offsets: Int32Array, sums: Float64Array): number
Napi::Value tokenRewardSums(const Napi::CallbackInfo& info) {
  const auto rewards = floats(info, 0, "rewards");
  const TokenRows rows = tokenRows(info, 1);
  const auto sums = doubles(info, 3, "sums");
  expectLength(info.Env(), "rewards", rewards.size(), rows.mask.size());
  expectLength(info.Env(), "sums", sums.size(), rows.rows());
  return Napi::Number::New(info.Env(), static_cast<double>(parl::tokenRewardSums(rewards.data(), rows, sums)));
}

// broadcastToSampled(values: Float64Array, mask: Uint8Array, offsets: Int32Array, out: Float32Array): void
Napi::Value broadcastToSampled(const Napi::CallbackInfo& info) {
  const auto values = doubles(info, 0, "values");
  const TokenRows rows = tokenRows(info, 1);
  const auto out = floats(info, 3, "out");
  expectLength(info.Env(), "values", values.size(), rows.rows());
  expectLength(info.Env(), "out", out.size(), rows.mask.size());
  parl::broadcastToSampled(values, rows, out.data());
  return info.Env().Undefined();
}

// groupTokenAdvantages(rewards: Float32Array, mask: Uint8Array, offsets: Int32Array, groupIds: Int32Array, estimator: 0 | 1 | 2, epsilon: number,
//                      populationDeviation: boolean, batchDeviation: boolean, keepSingletons: boolean, out: Float32Array)
//   : [maskedReward: number, unusableReward: number, sum: number], an index -1 where there is none
Napi::Value groupTokenAdvantages(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const auto rewards = floats(info, 0, "rewards");
  const TokenRows rows = tokenRows(info, 1);
  const auto groupIds = ints(info, 3, "groupIds");
  GroupAdvantageOptions options = groupOptions(info, 4);
  options.populationDeviation = flag(info, 6);
  options.batchDeviation = flag(info, 7);
  options.keepSingletons = flag(info, 8);
  const auto out = floats(info, 9, "out");
  expectLength(env, "rewards", rewards.size(), rows.mask.size());
  expectLength(env, "groupIds", groupIds.size(), rows.rows());
  expectLength(env, "out", out.size(), rows.mask.size());
  const TokenAdvantageFault fault = parl::groupTokenAdvantages(rewards.data(), rows, groupIds, options, out.data());
  Napi::Array result = Napi::Array::New(env, 3);
  result.Set(0u, static_cast<double>(fault.maskedReward));
  result.Set(1u, static_cast<double>(fault.unusableReward));
  result.Set(2u, fault.sum);
  return result;
}

// discountedReturns(rewards: Float32Array, mask: Uint8Array, offsets: Int32Array, gamma: number,
//                   returns: Float32Array): [fault: 0 | 1 | 2, index: number]
Napi::Value discountedReturns(const Napi::CallbackInfo& info) {
  const auto rewards = floats(info, 0, "rewards");
  const TokenRows rows = tokenRows(info, 1);
  const auto returns = floats(info, 4, "returns");
  expectLength(info.Env(), "rewards", rewards.size(), rows.mask.size());
  expectLength(info.Env(), "returns", returns.size(), rows.mask.size());
  return report(info.Env(), parl::discountedReturns(rewards.data(), rows, number(info, 3, "gamma"), returns.data()));
}

// generalizedAdvantages(rewards: Float32Array, values: Float32Array, mask: Uint8Array, offsets: Int32Array, gamma: number,
//                       lambda: number, advantages: Float32Array, returns: Float32Array): [fault: 0 | 1 | 2, index: number]
Napi::Value generalizedAdvantages(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const auto rewards = floats(info, 0, "rewards"), values = floats(info, 1, "values");
  const TokenRows rows = tokenRows(info, 2);
  const auto advantages = floats(info, 6, "advantages"), returns = floats(info, 7, "returns");
  expectLength(env, "rewards", rewards.size(), rows.mask.size());
  expectLength(env, "values", values.size(), rows.mask.size());
  expectLength(env, "advantages", advantages.size(), rows.mask.size());
  expectLength(env, "returns", returns.size(), rows.mask.size());
  return report(env, parl::generalizedAdvantages(rewards.data(), values.data(), rows, number(info, 4, "gamma"),
                                                 number(info, 5, "lambda"), advantages.data(), returns.data()));
}

// tokenBaselineAdvantages(rewards: Float32Array, logprobs: Float32Array, squares: Float32Array, corrections: Float32Array | null,
//                         mask: Uint8Array, offsets: Int32Array, groupIds: Int32Array, epsilon: number, keepSingletons: boolean,
//                         keepTail: boolean, advantages: Float32Array, returns: Float32Array): [fault: 0 | 1 | 2, index: number]
Napi::Value tokenBaselineAdvantages(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const auto rewards = floats(info, 0, "rewards"), logprobs = floats(info, 1, "logprobs"), squares = floats(info, 2, "squares");
  const auto corrections = floatsOrNull(info, 3, "corrections");
  const TokenRows rows = tokenRows(info, 4);
  const auto groupIds = ints(info, 6, "groupIds");
  const TokenBaselineOptions options{number(info, 7, "epsilon"), flag(info, 8), flag(info, 9)};
  const auto advantages = floats(info, 10, "advantages"), returns = floats(info, 11, "returns");
  const size_t tokens = rows.mask.size();
  expectLength(env, "rewards", rewards.size(), tokens);
  expectLength(env, "logprobs", logprobs.size(), tokens);
  expectLength(env, "squares", squares.size(), tokens);
  if (corrections.data() != nullptr) expectLength(env, "corrections", corrections.size(), tokens);
  expectLength(env, "groupIds", groupIds.size(), rows.rows());
  expectLength(env, "advantages", advantages.size(), tokens);
  expectLength(env, "returns", returns.size(), tokens);
  return report(env, parl::tokenBaselineAdvantages(rewards.data(), logprobs.data(), squares.data(), corrections.data(), rows, groupIds,
                                                   options, advantages.data(), returns.data()));
}

// maskedStatistics(values: Float32Array, mask: Uint8Array): [sum: number, count: number, squaresAboutMean: number]
Napi::Value maskedStatistics(const Napi::CallbackInfo& info) {
  const auto values = floats(info, 0, "values");
  const auto mask = bytes(info, 1, "mask");
  expectLength(info.Env(), "mask", mask.size(), values.size());
  const auto n = static_cast<int64_t>(values.size());
  const MaskedSums sums = maskedSums(values.data(), mask.data(), n);
  const bool flat = sums.count == 0 || sums.smallest == sums.largest;
  const double squares = flat ? 0 : maskedSquares(values.data(), mask.data(), n, sums.sum / static_cast<double>(sums.count));
  Napi::Array result = Napi::Array::New(info.Env(), 3);
  result.Set(0u, sums.sum);
  result.Set(1u, static_cast<double>(sums.count));
  result.Set(2u, squares);
  return result;
}

// whiten(values: Float32Array, mask: Uint8Array, epsilon: number, sampleVariance: boolean, shiftMean: boolean,
//        out: Float32Array): boolean
Napi::Value whiten(const Napi::CallbackInfo& info) {
  const auto values = floats(info, 0, "values");
  const auto mask = bytes(info, 1, "mask");
  const auto out = floats(info, 5, "out");
  expectLength(info.Env(), "mask", mask.size(), values.size());
  expectLength(info.Env(), "out", out.size(), values.size());
  const WhitenOptions options{number(info, 2, "epsilon"), flag(info, 3), flag(info, 4)};
  const bool ok = parl::whiten(values.data(), mask.data(), static_cast<int64_t>(values.size()), options, out.data());
  return Napi::Boolean::New(info.Env(), ok);
}

// twoSegmentAdvantages(outcome: Float64Array, turn: Float64Array, boundary: Int32Array, mask: Uint8Array,
//                      offsets: Int32Array, weight: number, out: Float32Array): void
Napi::Value twoSegmentAdvantages(const Napi::CallbackInfo& info) {
  const auto outcome = doubles(info, 0, "outcome"), turn = doubles(info, 1, "turn");
  const auto boundary = ints(info, 2, "boundary");
  const TokenRows rows = tokenRows(info, 3);
  const auto out = floats(info, 6, "out");
  expectLength(info.Env(), "outcome", outcome.size(), rows.rows());
  expectLength(info.Env(), "turn", turn.size(), rows.rows());
  expectLength(info.Env(), "boundary", boundary.size(), rows.rows());
  expectLength(info.Env(), "out", out.size(), rows.mask.size());
  parl::twoSegmentAdvantages(outcome, turn, boundary, rows, number(info, 5, "weight"), out.data());
  return info.Env().Undefined();
}

// stepGroupAdvantages(episodeRewards: Float64Array, groupIds: Int32Array, stepOffsets: Int32Array,
//                     stepRewards: Float64Array, anchors: BigUint64Array, gamma: number, weight: number, epsilon: number,
//                     scale: boolean, averageOverSteps: boolean, out: Float64Array): void
Napi::Value stepGroupAdvantages(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const auto episodeRewards = doubles(info, 0, "episodeRewards");
  const auto groupIds = ints(info, 1, "groupIds"), stepOffsets = ints(info, 2, "stepOffsets");
  const auto stepRewards = doubles(info, 3, "stepRewards");
  const auto anchors = words(info, 4, "anchors");
  const auto out = doubles(info, 10, "out");
  expectLength(env, "groupIds", groupIds.size(), episodeRewards.size());
  expectLength(env, "stepOffsets", stepOffsets.size(), episodeRewards.size() + 1);
  if (!offsetsAscend(stepOffsets)) throwArgument(env, "expected stepOffsets to ascend from 0");
  expectLength(env, "stepRewards", stepRewards.size(), static_cast<size_t>(stepOffsets.back()));
  expectLength(env, "anchors", anchors.size(), stepRewards.size());
  expectLength(env, "out", out.size(), stepRewards.size());
  const StepGroupOptions options{number(info, 5, "gamma"), number(info, 6, "weight"), number(info, 7, "epsilon"), flag(info, 8),
                                 flag(info, 9)};
  parl::stepGroupAdvantages(episodeRewards, groupIds, stepOffsets, stepRewards, anchors, options, out);
  return env.Undefined();
}

}  // namespace

void registerTokenCredit(Napi::Env env, Napi::Object exports) {
  exports.Set("broadcastToSampled", Napi::Function::New(env, broadcastToSampled));
  exports.Set("discountedReturns", Napi::Function::New(env, discountedReturns));
  exports.Set("generalizedAdvantages", Napi::Function::New(env, generalizedAdvantages));
  exports.Set("groupTokenAdvantages", Napi::Function::New(env, groupTokenAdvantages));
  exports.Set("maskedStatistics", Napi::Function::New(env, maskedStatistics));
  exports.Set("stepGroupAdvantages", Napi::Function::New(env, stepGroupAdvantages));
  exports.Set("tokenBaselineAdvantages", Napi::Function::New(env, tokenBaselineAdvantages));
  exports.Set("tokenRewardSums", Napi::Function::New(env, tokenRewardSums));
  exports.Set("twoSegmentAdvantages", Napi::Function::New(env, twoSegmentAdvantages));
  exports.Set("whiten", Napi::Function::New(env, whiten));
}

}  // namespace parl::addon
