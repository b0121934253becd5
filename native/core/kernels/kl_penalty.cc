// A KL estimate and its derivative, token by token: bound by arithmetic where it takes an exponential (k3), by memory otherwise.
#include "core/kl_penalty.h"

#include "core/kernels/kl.h"

namespace parl::PARL_ISA {

void klPenaltyRange(const float* logprobs, const float* referenceLogprobs, int64_t n, const KlOptions& options, float* values,
                    float* gradients) {
  for (int64_t i = 0; i < n; i += kWidth) {
    const int lanes = n - i < kWidth ? static_cast<int>(n - i) : kWidth;
    const Kl kl = klOf(floatsAt(logprobs + i, lanes) - floatsAt(referenceLogprobs + i, lanes), options);
    put(values + i, kl.value, lanes);
    put(gradients + i, kl.slope, lanes);
  }
}

}  // namespace parl::PARL_ISA
