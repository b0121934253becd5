// DPPO (arXiv:2602.04879): a trust region in probabilities instead of ratios. The detached weight of a token in -w A logprob is
// its ratio, at most `ratioCap`, or 0 where the policy has already moved further than the bound in the direction that A pushes:
//   totalVariation  p - q <= high where A > 0, p - q >= -low elsewhere
//   kl              KL of the two-way choice "this token or another", q log(q / p) + (1 - q) log((1 - q) / (1 - p)), at most high
//                   where A > 0 and p > q, at most low elsewhere where p < q
// with p = e^logprob, q = e^oldLogprob. Log-ratios are clamped to +-20 first, as in verl.
#pragma once

#include "core/token_rewards.h"

namespace parl {

enum class TrustRegionDivergence { totalVariation = 0, kl = 1 };

struct TrustRegionOptions {
  TrustRegionDivergence divergence = TrustRegionDivergence::totalVariation;
  double low = 0.15, high = 0.15;
  double ratioCap = 20;
};
//   logprobs, oldLogprobs, advantages [tokens] (read); weights [tokens], 0 where not sampled (overwritten)
void trustRegionWeights(const float* logprobs, const float* oldLogprobs, const float* advantages, const TokenRows& rows,
                        const TrustRegionOptions& options, float* weights);

}  // namespace parl
