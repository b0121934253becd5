#include "core/swiglu.h"

#include "core/thread_pool.h"

namespace parl {

constexpr int64_t kGrain = 8192;

void swigluForward(const float* gate, const float* up, float* out, int64_t count) {
  parallelFor(count, kGrain, [&](int64_t begin, int64_t end) {
    PARL_DISPATCH(swigluForwardRange)(gate + begin, up + begin, out + begin, end - begin);
  });
}

void swigluBackward(const float* dOut, const float* gate, const float* up, float* dGate, float* dUp, int64_t count) {
  parallelFor(count, kGrain, [&](int64_t begin, int64_t end) {
    PARL_DISPATCH(swigluBackwardRange)(dOut + begin, gate + begin, up + begin, dGate + begin, dUp + begin, end - begin);
  });
}

}  // namespace parl
