#include "core/embedding.h"

#include <cstring>

#include "core/thread_pool.h"

namespace parl {

constexpr int64_t kGrainFloats = 32768;

void embeddingForward(WeightData weight, const int32_t* ids, float* out, int64_t n, int64_t d) {
  if (d == 0) return;
  parallelFor(n, kGrainFloats / d + 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      if (weight.halves != nullptr) {
        PARL_DISPATCH(widenRow)(weight.halves + ids[i] * d, out + i * d, d);
      } else {
        std::memcpy(out + i * d, weight.floats + ids[i] * d, static_cast<size_t>(d) * sizeof(float));
      }
    }
  });
}

void embeddingBackward(const float* dOut, const int32_t* ids, float* dWeight, int64_t n, int64_t d) {
  parallelFor((d + 15) / 16, kGrainFloats / (16 * (n + 1)) + 1, [&](int64_t begin, int64_t end) {
    PARL_DISPATCH(embeddingBackwardRange)(dOut, ids, dWeight, n, d, begin * 16, end * 16 < d ? end * 16 : d);
  });
}

}  // namespace parl
