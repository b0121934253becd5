#include "core/rms_norm.h"

#include "core/thread_pool.h"

namespace parl {

constexpr int64_t kGrainFloats = 16384;

void rmsNormForward(const float* x, const float* weight, float* y, float* rstd, int64_t n, int64_t d, float eps) {
  if (d == 0) return;
  parallelFor(n, kGrainFloats / d + 1, [&](int64_t begin, int64_t end) {
    PARL_DISPATCH(rmsNormForwardRows)
    (x + begin * d, weight, y + begin * d, rstd == nullptr ? nullptr : rstd + begin, end - begin, d, eps);
  });
}

void rmsNormBackward(const float* dy, const float* x, const float* weight, const float* rstd, float* dx, float* dWeight,
                     int64_t n, int64_t d) {
  if (d == 0) return;
  // The weight first: dx may be dy.
  parallelFor((d + 15) / 16, kGrainFloats / (16 * (n + 1)) + 1, [&](int64_t begin, int64_t end) {
    PARL_DISPATCH(rmsNormBackwardWeight)(dy, x, rstd, dWeight, n, d, begin * 16, end * 16 < d ? end * 16 : d);
  });
  parallelFor(n, kGrainFloats / d + 1, [&](int64_t begin, int64_t end) {
    PARL_DISPATCH(rmsNormBackwardRows)
    (dy + begin * d, x + begin * d, weight, rstd + begin, dx + begin * d, end - begin, d);
  });
}

}  // namespace parl
