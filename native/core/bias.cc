#include "core/bias.h"

#include "core/thread_pool.h"

namespace parl {

constexpr int64_t kGrainFloats = 32768;

void addBias(const float* y, const float* bias, float* out, int64_t n, int64_t d) {
  if (d == 0) return;
  parallelFor(n, kGrainFloats / d + 1, [&](int64_t begin, int64_t end) {
    PARL_DISPATCH(addBiasRows)(y + begin * d, bias, out + begin * d, end - begin, d);
  });
}

void columnSum(const float* dy, float* out, int64_t n, int64_t d, bool accumulate) {
  // Whole cache lines of columns a thread.
  parallelFor((d + 15) / 16, kGrainFloats / (16 * (n + 1)) + 1, [&](int64_t begin, int64_t end) {
    PARL_DISPATCH(columnSumRange)(dy, out, n, d, begin * 16, end * 16 < d ? end * 16 : d, accumulate);
  });
}

}  // namespace parl
