// Rotary position embedding, the "rotate half" form of Hugging Face: dimension i < headDim / 2 is paired with
// i + headDim / 2 and turned by position * theta^(-2 i / headDim). Su et al., arXiv:2104.09864. Long-context variants (linear,
// llama3, yarn) give other frequencies, and yarn a factor for cosines and sines.
#pragma once

#include <cstdint>
#include <vector>

#include "core/isa.h"

namespace parl {

struct RopeAngles {
  double theta = 10000.0;          // where there are no frequencies
  std::vector<float> frequencies{};  // radians a position, [headDim / 2]; empty: theta^(-2 i / headDim)
  float scale = 1.0f;              // of cosines and sines

  // The formula of theta, each rounded to float, as Hugging Face has it; or the given ones.
  std::vector<float> frequenciesOf(int64_t headDim) const;
  bool operator==(const RopeAngles&) const = default;
};

//   x, out [n, heads, headDim] (out may be x), positions [n] >= 0; headDim even.
// inverse turns the other way: the backward pass, since the transpose of a scaled rotation is the rotation back, scaled alike.
void ropeApply(const float* x, const int32_t* positions, float* out, int64_t n, int64_t heads, int64_t headDim,
               const RopeAngles& angles, bool inverse);

// One row of heads; cosines and sines [headDim / 2].
PARL_KERNEL(void, ropeRow,
            (const float* x, const float* cosines, const float* sines, float* out, int64_t heads, int64_t headDim,
             bool inverse))

}  // namespace parl
