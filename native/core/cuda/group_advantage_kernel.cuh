// The kernel of group_advantage.cu by itself, see logprob_kernel.cuh.
#pragma once

#include "core/group_advantage_formula.h"

namespace parl::cuda {

// One thread a group: groups are small, and the order of the sums is the contract.
//   begins [groups + 1], rewards [n] ascending within a group (read); out [n] (overwritten)
__global__ void groupAdvantageKernel(const int64_t* begins, const double* rewards, int64_t groups,
                                     AdvantageEstimator estimator, double epsilon, double* out) {
  const int64_t group = static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (group >= groups) return;
  const int64_t begin = begins[group];
  groupAdvantagesOfSorted(rewards + begin, begins[group + 1] - begin, estimator, epsilon, out + begin);
}

}  // namespace parl::cuda
