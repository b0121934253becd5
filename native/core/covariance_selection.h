// Tokens whose advantage and log-prob move together: they are what takes entropy out of a policy (Clip-Cov and KL-Cov,
// arXiv:2505.22617). With means over the sampled tokens of the batch, cov[t] = (A[t] - mean A) (logprob[t] - mean logprob).
#pragma once

#include <cstdint>
#include <span>

namespace parl {

// Which of the candidates, where there are more than the share: those of the largest covariance, the first ones, or random ones.
enum class CovarianceChoice { largest = 0, first = 1, random = 2 };

struct CovarianceOptions {
  double share = 2e-4;       // of the sampled tokens, rounded down, but at least one token
  double low, high;          // candidates have low < cov < high
  double ratioLow, ratioHigh;  // no candidate: tokens whose clipped term wins, ratio < ratioLow with A < 0, > ratioHigh with A > 0
  CovarianceChoice choice = CovarianceChoice::largest;
  uint64_t seed = 0;         // of the random choice
};
//   logprobs, advantages [tokens] (read); oldLogprobs [tokens], or null: the ratio is not looked at
//   selected [tokens]: 1 where chosen (overwritten)
// Ties go to the earlier token. One sequence of operations: the thread count has no say.
void covarianceSelection(const float* logprobs, const float* oldLogprobs, const float* advantages, std::span<const uint8_t> mask,
                         const CovarianceOptions& options, uint8_t* selected);

}  // namespace parl
