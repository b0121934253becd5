// Choosing one token from a row of logits.
#pragma once

#include <cstdint>

#include "core/isa.h"

namespace parl {

// Inverse CDF in index order: the first token t with sum over i <= t of exp(logits[i] * inverseTemperature - lse) > u.
//   logits [vocab]; lse = log-sum-exp of the scaled row, natural log; u in [0, 1)
// Sums of 8 vectors are added up in double, and within the 8 vectors of the answer element by element. Where rounding
// leaves the sum at or below u, the last token with a positive probability. -1 when no probability is a number > 0.
PARL_KERNEL(int32_t, sampleToken, (const float* logits, int64_t vocab, float inverseTemperature, float lse, double u))

// The largest logit, the lowest index of equals. -1 when some logit is NaN or all are -inf.
PARL_KERNEL(int32_t, argmaxToken, (const float* logits, int64_t vocab))

}  // namespace parl
