// Estimates of the KL divergence from a reference at single tokens, with their gradients. John Schulman, "Approximating KL divergence", 2020.
#pragma once

#include <cstdint>

#include "core/isa.h"

namespace parl {

// k1 = d, k2 = d^2 / 2, k3 = e^-d + d - 1, magnitude = |d|, with d = logprob - referenceLogprob.
enum class KlEstimator { none = 0, k1 = 1, k2 = 2, k3 = 3, magnitude = 4 };

struct KlOptions {
  KlEstimator estimator = KlEstimator::none;
  float coefficient = 0;
  float exponentBound = __builtin_inff();  // k3: -d is clamped to +-this
  float valueBound = __builtin_inff();     // k3: the value is clamped to at most this
  bool gradientOfK2 = false;               // the value of the estimator, the gradient of k2 (straight through)
  bool timesRatio = false;                 // kl * ratio, so that its expectation is under the current policy
};

// values[t] and gradients[t] of a KL estimate for d = logprob - referenceLogprob; the coefficient and timesRatio are not used.
void klPenalty(const float* logprobs, const float* referenceLogprobs, int64_t n, const KlOptions& options, float* values,
               float* gradients);

PARL_KERNEL(void, klPenaltyRange,
            (const float* logprobs, const float* referenceLogprobs, int64_t n, const KlOptions& options, float* values,
             float* gradients))

}  // namespace parl
