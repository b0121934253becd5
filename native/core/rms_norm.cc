#include "core/rms_norm.h"

#include <algorithm>

#include "core/thread_pool.h"

namespace parl {

namespace {

constexpr int64_t kGrainFloats = 16384;
constexpr int64_t kLineFloats = 16;
constexpr int64_t kMostLines = 4;  // of columns that a thread takes through all rows: more would leave threads idle

void forward(const float* x, const float* delta, const float* weight, float* sum, float* y, float* rstd, int64_t n, int64_t d, float eps) {
  if (d == 0) return;
  parallelFor(n, kGrainFloats / d + 1, [&](int64_t begin, int64_t end) {
    const int64_t at = begin * d;
    PARL_DISPATCH(rmsNormForwardRows)
    (x + at, delta == nullptr ? nullptr : delta + at, weight, sum == nullptr ? nullptr : sum + at, y + at,
     rstd == nullptr ? nullptr : rstd + begin, end - begin, d, eps);
  });
}

}  // namespace

void rmsNormForward(const float* x, const float* weight, float* y, float* rstd, int64_t n, int64_t d, float eps) {
  forward(x, nullptr, weight, nullptr, y, rstd, n, d, eps);
}

void addRmsNormForward(const float* x, const float* delta, const float* weight, float* sum, float* y, float* rstd, int64_t n, int64_t d,
                       float eps) {
  forward(x, delta, weight, sum, y, rstd, n, d, eps);
}

void rmsNormWeightGradient(const float* dy, const float* x, const float* rstd, float* dWeight, int64_t n, int64_t d) {
  const int64_t lines = (d + kLineFloats - 1) / kLineFloats;
  const int64_t grain = std::max(kGrainFloats / (kLineFloats * (n + 1)) + 1, std::min(kMostLines, lines / threadCount()));
  parallelFor(lines, grain, [&](int64_t begin, int64_t end) {
    PARL_DISPATCH(rmsNormBackwardWeight)(dy, x, rstd, dWeight, n, d, begin * kLineFloats, std::min(end * kLineFloats, d));
  });
}

void rmsNormInputGradient(const float* dy, const float* dSum, const float* x, const float* weight, const float* rstd, float* dx, int64_t n,
                          int64_t d) {
  if (d == 0) return;
  parallelFor(n, kGrainFloats / d + 1, [&](int64_t begin, int64_t end) {
    const int64_t at = begin * d;
    PARL_DISPATCH(rmsNormBackwardRows)
    (dy + at, dSum == nullptr ? nullptr : dSum + at, x + at, weight, rstd + begin, dx + at, end - begin, d);
  });
}

// The weight first: dx may be dy.
void rmsNormBackward(const float* dy, const float* x, const float* weight, const float* rstd, float* dx, float* dWeight, int64_t n,
                     int64_t d) {
  rmsNormWeightGradient(dy, x, rstd, dWeight, n, d);
  rmsNormInputGradient(dy, nullptr, x, weight, rstd, dx, n, d);
}

void addRmsNormBackward(const float* dy, const float* dSum, const float* sum, const float* weight, const float* rstd, float* dx,
                        float* dWeight, int64_t n, int64_t d) {
  rmsNormWeightGradient(dy, sum, rstd, dWeight, n, d);
  rmsNormInputGradient(dy, dSum, sum, weight, rstd, dx, n, d);
}

}  // namespace parl
