// Rotary position embedding, the "rotate half" form of Hugging Face: dimension i < headDim / 2 is paired with
// i + headDim / 2 and turned by position * theta^(-2 i / headDim). Su et al., arXiv:2104.09864.
#pragma once

#include <cstdint>

#include "core/isa.h"

namespace parl {

//   x, out [n, heads, headDim] (out may be x), positions [n] >= 0; headDim even.
// inverse turns the other way: the backward pass, since a rotation's transpose is its inverse.
void ropeApply(const float* x, const int32_t* positions, float* out, int64_t n, int64_t heads, int64_t headDim,
               double theta, bool inverse);

// One row of heads; cosines and sines [headDim / 2].
PARL_KERNEL(void, ropeRow,
            (const float* x, const float* cosines, const float* sines, float* out, int64_t heads, int64_t headDim,
             bool inverse))

}  // namespace parl
