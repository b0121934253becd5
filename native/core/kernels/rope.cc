// Rotates one row of heads: (x1, x2) -> (x1 c - x2 s, x2 c + x1 s), x1 and x2 the two halves of a head.
// Cosines and sines are shared by all heads of the row and stay in L1.
#include "core/rope.h"

#include "core/kernels/vec.h"

namespace parl::PARL_ISA {

void ropeRow(const float* x, const float* cosines, const float* sines, float* out, int64_t heads, int64_t headDim,
             bool inverse) {
  const int64_t half = headDim / 2;
  const Vec sign = splat(inverse ? -1.0f : 1.0f);
  for (int64_t h = 0; h < heads; ++h, x += headDim, out += headDim) {
    for (int64_t j = 0; j < half; j += kWidth) {
      const bool whole = half - j >= kWidth;
      const int lanes = whole ? kWidth : static_cast<int>(half - j);
      const Vec c = whole ? load(cosines + j) : loadPartial(cosines + j, lanes);
      const Vec s = sign * (whole ? load(sines + j) : loadPartial(sines + j, lanes));
      const Vec x1 = whole ? load(x + j) : loadPartial(x + j, lanes);
      const Vec x2 = whole ? load(x + half + j) : loadPartial(x + half + j, lanes);
      const Vec y1 = fma(x1, c, -(x2 * s)), y2 = fma(x2, c, x1 * s);
      if (whole) {
        store(out + j, y1);
        store(out + half + j, y2);
      } else {
        storePartial(out + j, y1, lanes);
        storePartial(out + half + j, y2, lanes);
      }
    }
  }
}

}  // namespace parl::PARL_ISA
