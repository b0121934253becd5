#include "core/policy_loss.h"

#include "arguments.h"
#include "core/covariance_selection.h"
#include "core/importance.h"
#include "core/trust_region.h"
#include "core/value_loss.h"
#include "register.h"

namespace parl::addon {
namespace {

constexpr size_t kOptions = 18;
constexpr size_t kRowFields = sizeof(PolicyRowStatistics) / sizeof(double);
constexpr size_t kValueFields = sizeof(ValueRowStatistics) / sizeof(double);

// The options of a KL estimate, from a Float64Array at `first`: estimator, coefficient, bounds and two flags.
KlOptions klOptions(Napi::Env env, std::span<const double> o, size_t first) {
  if (!(o[first] >= 0 && o[first] <= 4)) throwArgument(env, "expected a known KL estimator");
  return {static_cast<KlEstimator>(static_cast<int>(o[first])), static_cast<float>(o[first + 1]), static_cast<float>(o[first + 2]),
          static_cast<float>(o[first + 3]), o[first + 4] != 0, o[first + 5] != 0};
}

PolicyLossOptions lossOptions(Napi::Env env, std::span<const double> o) {
  expectLength(env, "options", o.size(), kOptions);
  if (!(o[0] >= 0 && o[0] <= 5)) throwArgument(env, "expected a known objective");
  if (!(o[1] >= 0 && o[1] <= 2)) throwArgument(env, "expected a known ratio level");
  PolicyLossOptions options;
  options.objective = static_cast<PolicyObjective>(static_cast<int>(o[0]));
  options.level = static_cast<RatioLevel>(static_cast<int>(o[1]));
  options.sequenceGradient = o[2] != 0;
  options.low = static_cast<float>(o[3]);
  options.high = static_cast<float>(o[4]);
  options.dualClip = static_cast<float>(o[5]);
  options.ratioCap = static_cast<float>(o[6]);
  options.logRatioMin = static_cast<float>(o[7]);
  options.logRatioMax = static_cast<float>(o[8]);
  options.tauPositive = static_cast<float>(o[9]);
  options.tauNegative = static_cast<float>(o[10]);
  options.beta = static_cast<float>(o[11]);
  options.kl = klOptions(env, o, 12);
  return options;
}

// policyLoss(logprobs: Float32Array, oldLogprobs: Float32Array, advantages: Float32Array, mask: Uint8Array,
//            offsets: Int32Array, weights: Float32Array | null, referenceLogprobs: Float32Array | null,
//            rowWeights: Float64Array, options: Float64Array, gradient: Float32Array, statistics: Float64Array,
//            klWeights: Float32Array | null, totals: Float64Array): void
Napi::Value policyLoss(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const auto logprobs = floats(info, 0, "logprobs"), oldLogprobs = floats(info, 1, "oldLogprobs");
  const auto advantages = floats(info, 2, "advantages");
  const TokenRows rows = tokenRows(info, 3);
  const auto weights = floatsOrNull(info, 5, "weights"), reference = floatsOrNull(info, 6, "referenceLogprobs");
  const auto rowWeights = doubles(info, 7, "rowWeights"), options = doubles(info, 8, "options");
  const auto gradient = floats(info, 9, "gradient");
  const auto statistics = doubles(info, 10, "statistics");
  const auto klWeights = floatsOrNull(info, 11, "klWeights");
  const auto totals = doubles(info, 12, "totals");
  const size_t tokens = rows.mask.size();
  expectLength(env, "logprobs", logprobs.size(), tokens);
  expectLength(env, "oldLogprobs", oldLogprobs.size(), tokens);
  expectLength(env, "advantages", advantages.size(), tokens);
  if (weights.data() != nullptr) expectLength(env, "weights", weights.size(), tokens);
  if (reference.data() != nullptr) expectLength(env, "referenceLogprobs", reference.size(), tokens);
  if (klWeights.data() != nullptr) expectLength(env, "klWeights", klWeights.size(), tokens);
  expectLength(env, "rowWeights", rowWeights.size(), rows.rows());
  expectLength(env, "gradient", gradient.size(), tokens);
  expectLength(env, "statistics", statistics.size(), rows.rows() * kRowFields);
  expectLength(env, "totals", totals.size(), kRowFields);
  const PolicyTokens in{logprobs.data(), oldLogprobs.data(), advantages.data(), rows.mask.data(),
                        weights.data(),  reference.data(),   klWeights.data()};
  const std::span<PolicyRowStatistics> out{reinterpret_cast<PolicyRowStatistics*>(statistics.data()), rows.rows()};
  parl::policyLoss(in, rows, rowWeights, lossOptions(env, options), gradient.data(), out);
  *reinterpret_cast<PolicyRowStatistics*>(totals.data()) = policyTotals(out);
  return env.Undefined();
}

// sampledCounts(mask: Uint8Array, offsets: Int32Array, counts: Int32Array): void
Napi::Value sampledCounts(const Napi::CallbackInfo& info) {
  const TokenRows rows = tokenRows(info, 0);
  const auto counts = ints(info, 2, "counts");
  expectLength(info.Env(), "counts", counts.size(), rows.rows());
  parl::sampledCounts(rows, counts);
  return info.Env().Undefined();
}

// klPenalty(logprobs: Float32Array, referenceLogprobs: Float32Array, options: Float64Array, values: Float32Array,
//           gradients: Float32Array): void
Napi::Value klPenalty(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const auto logprobs = floats(info, 0, "logprobs"), reference = floats(info, 1, "referenceLogprobs");
  const auto options = doubles(info, 2, "options");
  const auto values = floats(info, 3, "values"), gradients = floats(info, 4, "gradients");
  expectLength(env, "referenceLogprobs", reference.size(), logprobs.size());
  expectLength(env, "options", options.size(), 6);
  expectLength(env, "values", values.size(), logprobs.size());
  expectLength(env, "gradients", gradients.size(), logprobs.size());
  parl::klPenalty(logprobs.data(), reference.data(), static_cast<int64_t>(logprobs.size()), klOptions(env, options, 0), values.data(),
                  gradients.data());
  return env.Undefined();
}

// valueLoss(predictions: Float32Array, returns: Float32Array, oldValues: Float32Array, mask: Uint8Array, offsets: Int32Array,
//           rowWeights: Float64Array, clip: number, gradient: Float32Array, statistics: Float64Array): void
Napi::Value valueLoss(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const auto predictions = floats(info, 0, "predictions"), returns = floats(info, 1, "returns"), old = floats(info, 2, "oldValues");
  const TokenRows rows = tokenRows(info, 3);
  const auto rowWeights = doubles(info, 5, "rowWeights");
  const double clip = number(info, 6, "clip");
  const auto gradient = floats(info, 7, "gradient");
  const auto statistics = doubles(info, 8, "statistics");
  const size_t tokens = rows.mask.size();
  expectLength(env, "predictions", predictions.size(), tokens);
  expectLength(env, "returns", returns.size(), tokens);
  expectLength(env, "oldValues", old.size(), tokens);
  expectLength(env, "rowWeights", rowWeights.size(), rows.rows());
  expectLength(env, "gradient", gradient.size(), tokens);
  expectLength(env, "statistics", statistics.size(), rows.rows() * kValueFields);
  const std::span<ValueRowStatistics> out{reinterpret_cast<ValueRowStatistics*>(statistics.data()), rows.rows()};
  parl::valueLoss(predictions.data(), returns.data(), old.data(), rows, rowWeights, static_cast<float>(clip), gradient.data(), out);
  return env.Undefined();
}

// importanceWeights(logprobs: Float32Array, rolloutLogprobs: Float32Array, mask: Uint8Array, offsets: Int32Array,
//                   level: 0 | 1, bound: 0 | 1, low: number, high: number, logRatioBound: number, missingIsOne: boolean,
//                   normalize: boolean, weights: Float32Array): number
Napi::Value importanceWeights(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const auto logprobs = floats(info, 0, "logprobs"), rollout = floats(info, 1, "rolloutLogprobs");
  const TokenRows rows = tokenRows(info, 2);
  const int64_t level = extent(info, 4, "level"), bound = extent(info, 5, "bound");
  const ImportanceOptions options{static_cast<ImportanceLevel>(level != 0),
                                  static_cast<ImportanceBound>(bound != 0),
                                  number(info, 6, "low"),
                                  number(info, 7, "high"),
                                  number(info, 8, "logRatioBound"),
                                  flag(info, 9),
                                  flag(info, 10)};
  const auto weights = floats(info, 11, "weights");
  expectLength(env, "logprobs", logprobs.size(), rows.mask.size());
  expectLength(env, "rolloutLogprobs", rollout.size(), rows.mask.size());
  expectLength(env, "weights", weights.size(), rows.mask.size());
  return Napi::Number::New(env, parl::importanceWeights(logprobs.data(), rollout.data(), rows, options, weights.data()));
}

// rejectionMask(logprobs: Float32Array, rolloutLogprobs: Float32Array, mask: Uint8Array, offsets: Int32Array,
//               statistic: 1 | 2 | 3, extent: 0 | 1 | 2 | 3, low: number, high: number, keep: Uint8Array,
//               values: Float32Array): void
Napi::Value rejectionMask(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const auto logprobs = floats(info, 0, "logprobs"), rollout = floats(info, 1, "rolloutLogprobs");
  const TokenRows rows = tokenRows(info, 2);
  const int64_t statistic = extent(info, 4, "statistic"), over = extent(info, 5, "extent");
  const auto keep = bytes(info, 8, "keep");
  const auto values = floats(info, 9, "values");
  if (statistic < 1 || statistic > 3) throwArgument(env, "expected statistic to be 1, 2 or 3");
  if (over > 3) throwArgument(env, "expected extent to be 0, 1, 2 or 3");
  expectLength(env, "logprobs", logprobs.size(), rows.mask.size());
  expectLength(env, "rolloutLogprobs", rollout.size(), rows.mask.size());
  expectLength(env, "keep", keep.size(), rows.mask.size());
  expectLength(env, "values", values.size(), rows.mask.size());
  const RejectionOptions options{static_cast<MismatchStatistic>(statistic), static_cast<MismatchExtent>(over), number(info, 6, "low"),
                                 number(info, 7, "high")};
  parl::rejectionMask(logprobs.data(), rollout.data(), rows, options, keep.data(), values.data());
  return env.Undefined();
}

// offPolicyMask(logprobs: Float32Array, samplingLogprobs: Float32Array, advantages: Float32Array, mask: Uint8Array,
//               offsets: Int32Array, threshold: number, keep: Uint8Array): void
Napi::Value offPolicyMask(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const auto logprobs = floats(info, 0, "logprobs"), sampling = floats(info, 1, "samplingLogprobs");
  const auto advantages = floats(info, 2, "advantages");
  const TokenRows rows = tokenRows(info, 3);
  const auto keep = bytes(info, 6, "keep");
  expectLength(env, "logprobs", logprobs.size(), rows.mask.size());
  expectLength(env, "samplingLogprobs", sampling.size(), rows.mask.size());
  expectLength(env, "advantages", advantages.size(), rows.mask.size());
  expectLength(env, "keep", keep.size(), rows.mask.size());
  parl::offPolicyMask(logprobs.data(), sampling.data(), advantages.data(), rows, number(info, 5, "threshold"), keep.data());
  return env.Undefined();
}

// gammaWeights(logprobs: Float32Array, oldLogprobs: Float32Array, advantages: Float32Array, rolloutWeights: Float32Array | null,
//              mask: Uint8Array, offsets: Int32Array, options: Float64Array, weights: Float32Array): void
Napi::Value gammaWeights(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const auto logprobs = floats(info, 0, "logprobs"), old = floats(info, 1, "oldLogprobs"), advantages = floats(info, 2, "advantages");
  const auto rollout = floatsOrNull(info, 3, "rolloutWeights");
  const TokenRows rows = tokenRows(info, 4);
  const auto options = doubles(info, 6, "options");
  const auto weights = floats(info, 7, "weights");
  expectLength(env, "logprobs", logprobs.size(), rows.mask.size());
  expectLength(env, "oldLogprobs", old.size(), rows.mask.size());
  expectLength(env, "advantages", advantages.size(), rows.mask.size());
  if (rollout.data() != nullptr) expectLength(env, "rolloutWeights", rollout.size(), rows.mask.size());
  expectLength(env, "options", options.size(), 4);
  expectLength(env, "weights", weights.size(), rows.mask.size());
  const GammaOptions chosen{options[0], options[1], options[2], options[3]};
  parl::gammaWeights(logprobs.data(), old.data(), advantages.data(), rollout.data(), rows, chosen, weights.data());
  return env.Undefined();
}

// highEntropyMask(entropies: Float32Array, mask: Uint8Array, quantile: number, keep: Uint8Array): void
Napi::Value highEntropyMask(const Napi::CallbackInfo& info) {
  const auto entropies = floats(info, 0, "entropies");
  const auto mask = bytes(info, 1, "mask"), keep = bytes(info, 3, "keep");
  expectLength(info.Env(), "mask", mask.size(), entropies.size());
  expectLength(info.Env(), "keep", keep.size(), entropies.size());
  const double quantile = number(info, 2, "quantile");
  if (!(quantile >= 0 && quantile <= 1)) throwArgument(info.Env(), "expected quantile to be in 0..1");
  parl::highEntropyMask(entropies.data(), mask, quantile, keep.data());
  return info.Env().Undefined();
}

// trustRegionWeights(logprobs: Float32Array, oldLogprobs: Float32Array, advantages: Float32Array, mask: Uint8Array,
//                    offsets: Int32Array, divergence: 0 | 1, low: number, high: number, ratioCap: number, weights: Float32Array): void
Napi::Value trustRegionWeights(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const auto logprobs = floats(info, 0, "logprobs"), old = floats(info, 1, "oldLogprobs"), advantages = floats(info, 2, "advantages");
  const TokenRows rows = tokenRows(info, 3);
  const TrustRegionOptions options{static_cast<TrustRegionDivergence>(extent(info, 5, "divergence") != 0), number(info, 6, "low"),
                                   number(info, 7, "high"), number(info, 8, "ratioCap")};
  const auto weights = floats(info, 9, "weights");
  expectLength(env, "logprobs", logprobs.size(), rows.mask.size());
  expectLength(env, "oldLogprobs", old.size(), rows.mask.size());
  expectLength(env, "advantages", advantages.size(), rows.mask.size());
  expectLength(env, "weights", weights.size(), rows.mask.size());
  parl::trustRegionWeights(logprobs.data(), old.data(), advantages.data(), rows, options, weights.data());
  return env.Undefined();
}

// covarianceSelection(logprobs: Float32Array, oldLogprobs: Float32Array | null, advantages: Float32Array, mask: Uint8Array,
//                     options: Float64Array, choice: 0 | 1 | 2, seed: number, selected: Uint8Array): void
Napi::Value covarianceSelection(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const auto logprobs = floats(info, 0, "logprobs"), old = floatsOrNull(info, 1, "oldLogprobs"), advantages = floats(info, 2, "advantages");
  const auto mask = bytes(info, 3, "mask");
  const auto o = doubles(info, 4, "options");
  const int64_t choice = extent(info, 5, "choice"), seed = extent(info, 6, "seed");
  const auto selected = bytes(info, 7, "selected");
  expectLength(env, "options", o.size(), 5);
  expectLength(env, "logprobs", logprobs.size(), mask.size());
  if (old.data() != nullptr) expectLength(env, "oldLogprobs", old.size(), mask.size());
  expectLength(env, "advantages", advantages.size(), mask.size());
  expectLength(env, "selected", selected.size(), mask.size());
  if (choice > 2) throwArgument(env, "expected choice to be 0, 1 or 2");
  if (!(o[0] >= 0 && o[0] <= 1)) throwArgument(env, "expected the share to be in 0..1");
  const CovarianceOptions options{o[0], o[1], o[2], o[3], o[4], static_cast<CovarianceChoice>(choice), static_cast<uint64_t>(seed)};
  parl::covarianceSelection(logprobs.data(), old.data(), advantages.data(), mask, options, selected.data());
  return env.Undefined();
}

}  // namespace

void registerPolicyLoss(Napi::Env env, Napi::Object exports) {
  exports.Set("covarianceSelection", Napi::Function::New(env, covarianceSelection));
  exports.Set("gammaWeights", Napi::Function::New(env, gammaWeights));
  exports.Set("highEntropyMask", Napi::Function::New(env, highEntropyMask));
  exports.Set("importanceWeights", Napi::Function::New(env, importanceWeights));
  exports.Set("klPenalty", Napi::Function::New(env, klPenalty));
  exports.Set("offPolicyMask", Napi::Function::New(env, offPolicyMask));
  exports.Set("policyLoss", Napi::Function::New(env, policyLoss));
  exports.Set("rejectionMask", Napi::Function::New(env, rejectionMask));
  exports.Set("sampledCounts", Napi::Function::New(env, sampledCounts));
  exports.Set("trustRegionWeights", Napi::Function::New(env, trustRegionWeights));
  exports.Set("valueLoss", Napi::Function::New(env, valueLoss));
}

}  // namespace parl::addon
