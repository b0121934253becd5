// Correction for rollouts that another engine sampled: w = e^(logprob - rolloutLogprob), which is exactly 1 where both agree.
#pragma once

#include <cstdint>
#include <span>

#include "core/token_rewards.h"

namespace parl {

enum class ImportanceLevel { token = 0, sequence = 1 };  // a token's ratio, or the product over the row's sampled tokens
enum class ImportanceBound { truncate = 0, mask = 1 };   // clamp to [low, high], or 0 outside

struct ImportanceOptions {
  ImportanceLevel level = ImportanceLevel::token;
  ImportanceBound bound = ImportanceBound::truncate;
  double low = 0, high = 2;
  double logRatioBound = 20;   // the log of w is clamped to +-this first
  bool missingIsOne = false;   // a NaN rollout log-prob counts as ratio 1
  bool normalize = false;      // divide by the mean weight: over sampled tokens, or over rows that have any
};
//   logprobs, rolloutLogprobs [tokens] (read); weights [tokens], 0 where not sampled (overwritten)
// Returns the divisor of `normalize`, 1 without it or where the mean is below 1e-8.
double importanceWeights(const float* logprobs, const float* rolloutLogprobs, const TokenRows& rows, const ImportanceOptions& options,
                         float* weights);

// What a rejection looks at, with d = logprob - rolloutLogprob clamped to +-20: d itself against the logs of low and high (k1),
// d^2 / 2 (k2) or e^d - 1 - d (k3) against high; of each token, or its sum, mean or maximum over the row's sampled tokens.
enum class MismatchStatistic { k1 = 1, k2 = 2, k3 = 3 };
enum class MismatchExtent { token = 0, sum = 1, mean = 2, largest = 3 };

struct RejectionOptions {
  MismatchStatistic statistic = MismatchStatistic::k1;
  MismatchExtent extent = MismatchExtent::token;
  double low = 0.5, high = 2;
};
// keep [tokens] = 1 where sampled and within the bounds, else 0 (overwritten); values [tokens]: the statistic at sampled tokens.
void rejectionMask(const float* logprobs, const float* rolloutLogprobs, const TokenRows& rows, const RejectionOptions& options,
                   uint8_t* keep, float* values);

// keep [tokens]: 0 for tokens with advantage < 0 of rows whose mean of (samplingLogprob - logprob) over sampled tokens is above
// the threshold (DeepSeek-V3.2); a NaN sampling log-prob counts as 0.
void offPolicyMask(const float* logprobs, const float* samplingLogprobs, const float* advantages, const TokenRows& rows,
                   double threshold, uint8_t* keep);

// VESPO's detached weights: phi(w) = e^(lambda + k log w - lambda w), so that phi(1) = 1, with w the product over the row's sampled
// tokens of the ratio (log-ratios clamped to +-20) and, where given, of the rollout correction (logs clamped to [log 1e-8, 20]);
// log w is clamped to [log 1e-8, 20]. k and lambda by the sign of the token's advantage, 0 counting as positive.
struct GammaOptions {
  double kPositive = 2, lambdaPositive = 3, kNegative = 3, lambdaNegative = 2;
};
//   rolloutWeights [tokens] or null (read); weights [tokens], 0 where not sampled (overwritten)
void gammaWeights(const float* logprobs, const float* oldLogprobs, const float* advantages, const float* rolloutWeights,
                  const TokenRows& rows, const GammaOptions& options, float* weights);

// keep [tokens]: 1 where sampled and of entropy at or above the quantile (linear interpolation) over all sampled tokens.
void highEntropyMask(const float* entropies, std::span<const uint8_t> mask, double quantile, uint8_t* keep);

}  // namespace parl
