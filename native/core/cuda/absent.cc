// Stands in for the CUDA sources where they are not compiled.
#include "core/cuda/device.h"
#include "core/cuda/group_advantage.h"
#include "core/cuda/logprob.h"

namespace parl::cuda {

Report report() { return {false, {}, PARL_MT_CUDA_REASON}; }

std::string logprobForward(const float*, const int32_t*, int64_t, int64_t, float, float*, float*, float*) {
  return PARL_MT_CUDA_REASON;
}

std::string groupAdvantages(std::span<const double>, std::span<const int32_t>, AdvantageEstimator, double, std::span<double>) {
  return PARL_MT_CUDA_REASON;
}

}  // namespace parl::cuda
