// The bias of a linear layer and its gradient.
#pragma once

#include <cstdint>

#include "core/isa.h"

namespace parl {

// out[n,d] = y[n,d] + bias[d] in every row. out may be y.
void addBias(const float* y, const float* bias, float* out, int64_t n, int64_t d);

// out[d] (+)= sum over ascending rows of dy[n,d], one chain a column.
void columnSum(const float* dy, float* out, int64_t n, int64_t d, bool accumulate);

PARL_KERNEL(void, addBiasRows, (const float* y, const float* bias, float* out, int64_t n, int64_t d))
PARL_KERNEL(void, columnSumRange,
            (const float* dy, float* out, int64_t n, int64_t d, int64_t begin, int64_t end, bool accumulate))

}  // namespace parl
