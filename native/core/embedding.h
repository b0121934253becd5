// Token embedding: row lookup, and its gradient.
#pragma once

#include <cstdint>

#include "core/bf16.h"
#include "core/isa.h"
#include "core/weight_data.h"

namespace parl {

// out[i] = weight[ids[i]]; weight [vocab,d], out [n,d], ids in [0, vocab).
void embeddingForward(WeightData weight, const int32_t* ids, float* out, int64_t n, int64_t d);

// dWeight[ids[i]] += dOut[i], ascending i, so repeated ids add in one order.
void embeddingBackward(const float* dOut, const int32_t* ids, float* dWeight, int64_t n, int64_t d);

PARL_KERNEL(void, widenRow, (const Bf16* row, float* out, int64_t d))
PARL_KERNEL(void, embeddingBackwardRange,
            (const float* dOut, const int32_t* ids, float* dWeight, int64_t n, int64_t d, int64_t begin, int64_t end))

}  // namespace parl
