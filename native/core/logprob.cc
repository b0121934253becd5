#include "core/logprob.h"

#include "core/thread_pool.h"

namespace parl {

constexpr int64_t kGrainFloats = 8192;

void logprobForward(const float* logits, const int32_t* targets, int64_t n, int64_t v, float temperature,
                    float* logprobs, float* entropies, float* lse) {
  const float inverse = 1.0f / temperature;
  parallelFor(n, kGrainFloats / (v + 1) + 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const LogprobRow row = logprobRow(logits + i * v, v, inverse, entropies != nullptr);
      logprobs[i] = tokenLogprob(row, logits[i * v + targets[i]], inverse);
      lse[i] = static_cast<float>(row.logSumExp);
      if (entropies != nullptr) entropies[i] = row.entropy;
    }
  });
}

void logprobBackward(const float* dLogprobs, const float* dEntropies, const float* logits, const int32_t* targets,
                     const float* lse, const float* entropies, int64_t n, int64_t v, float temperature, float* dLogits) {
  const float inverse = 1.0f / temperature;
  parallelFor(n, kGrainFloats / (v + 1) + 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      PARL_DISPATCH(logprobBackwardRow)
      (dLogprobs[i], dEntropies == nullptr ? 0.0f : dEntropies[i], logits + i * v, targets[i], lse[i],
       dEntropies == nullptr ? 0.0f : entropies[i], v, inverse, dLogits + i * v);
    }
  });
}

}  // namespace parl
