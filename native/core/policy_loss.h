// Policy losses over rows of sampled tokens: value, gradient with respect to the log-probs, and metrics in one pass.
//
//   loss = sum over rows, over their sampled tokens, of  rowWeight (tokenWeight f(ratio, A) + klCoefficient klWeight kl)
//
// The whole reduction (token mean, sequence mean, ...) is in the row weights, so that micro-batches of whole rows add up to
// the gradient of one batch, bit for bit. Token weights (importance correction, entropy masks) multiply the objective, not the KL, which has weights of its own.
// Nothing at a token that was not sampled is read into the result, NaN included; its gradient is 0.
//
// Objectives f, with log-ratio d = logprob - oldLogprob clamped to [logRatioMin, logRatioMax] and ratio = e^d:
//   clip           max(-A min(ratio, ratioCap), -A clamp(ratio, low, high)); where A < 0 at most -A dualClip
//   cispo          -A clamp(ratio, low, high) logprob, the ratio held constant
//   sapo           -A (4 / tau) sigmoid(tau (ratio - 1)), tau by the sign of A
//   reinforce      -A logprob
//   quadratic      -(A logprob - beta/2 d^2)
//   geometricMean  -mean(A) e^(mean of d clipped to [low, high] on the side that A's sign asks for), of each row as a whole
// On a bound: a clamp passes no gradient (as torch's), but where the clipped and the unclipped term tie the unclipped one does.
#pragma once

#include <cstdint>
#include <span>

#include "core/isa.h"
#include "core/kl_penalty.h"
#include "core/token_rewards.h"

namespace parl {

enum class PolicyObjective { clip = 0, cispo = 1, sapo = 2, reinforce = 3, quadratic = 4, geometricMean = 5 };

// What a token's ratio is made of: its own log-ratio, the mean over its row (GSPO), or the sum over its row.
enum class RatioLevel { token = 0, sequenceMean = 1, sequenceSum = 2 };

struct PolicyLossOptions {
  PolicyObjective objective = PolicyObjective::clip;
  RatioLevel level = RatioLevel::token;
  // With a sequence ratio: its gradient reaches every token of the row (d ratio / d logprob = ratio / n, or ratio for the sum).
  // Without: straight through, each token gets the gradient of its own term (GSPO-token).
  bool sequenceGradient = false;
  float low = 0.8f, high = 1.2f;  // bounds of the ratio; of the log-ratio for geometricMean
  float dualClip = 0;             // > 1; 0: off
  float ratioCap = 0;             // > 0; 0: off
  float logRatioMin = -__builtin_inff(), logRatioMax = __builtin_inff();
  float tauPositive = 1, tauNegative = 1.05f;
  float beta = 0;
  KlOptions kl = {};
};

struct PolicyTokens {
  const float *logprobs, *oldLogprobs, *advantages;  // [tokens]
  const uint8_t* mask;                               // [tokens]
  const float* weights;                              // [tokens] or null: 1
  const float* referenceLogprobs;                    // [tokens] or null where there is no KL
  const float* klWeights = nullptr;                  // [tokens] or null: 1
};

// Sums over the sampled tokens of a row; ratios after the clamp of the log-ratio.
struct PolicyRowStatistics {
  double loss;       // rowWeight times the sum of what is described above
  double tokens;
  double logRatio;   // sum of d
  double k3;         // sum of e^d - 1 - d, the k3 estimate of KL(old, new)
  double ratio;
  double clipped;    // tokens whose clipped term won (cispo: whose ratio was clamped; geometricMean: clipped with A > 0)
  double dual;       // tokens at the dual clip (geometricMean: clipped with A < 0)
  double low, high;  // tokens with ratio below low and A < 0, above high and A > 0
  double kl;         // sum of the KL estimate, without its coefficient
  double smallestRatio, largestRatio;  // 1 where there is no token
};

//   rowWeights [rows] (read), gradient [tokens] and statistics [rows] (overwritten)
// Rows are shared between threads, and each is one sequence of operations: no result depends on the thread count.
void policyLoss(const PolicyTokens& tokens, const TokenRows& rows, std::span<const double> rowWeights,
                const PolicyLossOptions& options, float* gradient, std::span<PolicyRowStatistics> statistics);

// Sums over rows in order, of ratios the extremes. Rows without a token do not count; with none at all sums are 0 and the extremes infinite.
PolicyRowStatistics policyTotals(std::span<const PolicyRowStatistics> rows);

PARL_KERNEL(void, policyLossRow,
            (const PolicyTokens& tokens, int64_t n, double rowWeight, const PolicyLossOptions& options, float* gradient,
             PolicyRowStatistics& statistics))

}  // namespace parl
