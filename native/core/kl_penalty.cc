#include "core/kl_penalty.h"

#include "core/thread_pool.h"

namespace parl {

constexpr int64_t kElementGrain = 8192;

void klPenalty(const float* logprobs, const float* referenceLogprobs, int64_t n, const KlOptions& options, float* values,
               float* gradients) {
  parallelFor(n, kElementGrain, [&](int64_t begin, int64_t end) {
    PARL_DISPATCH(klPenaltyRange)(logprobs + begin, referenceLogprobs + begin, end - begin, options, values + begin, gradients + begin);
  });
}

}  // namespace parl
