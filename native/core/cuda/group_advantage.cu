// Compiled without contraction of a * b + c (see CMakeLists.txt), or the device would round unlike the CPU.
#include "core/cuda/group_advantage.h"

#include <vector>

#include "core/cuda/check.cuh"
#include "core/cuda/group_advantage_kernel.cuh"
#include "core/group_advantage.h"

namespace parl::cuda {

constexpr int kGroupThreads = 64;

std::string groupAdvantages(std::span<const double> rewards, std::span<const int32_t> groupIds, AdvantageEstimator estimator,
                            double epsilon, std::span<double> out) {
  if (rewards.empty()) return {};
  const SortedGroups sorted = sortGroups(rewards, groupIds);
  const int64_t groups = static_cast<int64_t>(sorted.begins.size()) - 1;
  const std::string where = "groupAdvantageKernel with n = " + std::to_string(rewards.size()) + ", groups = " + std::to_string(groups);
  DeviceArray<int64_t> begins;
  DeviceArray<double> values, results;
  PARL_CUDA_CHECK(begins.allocate(sorted.begins.size()), where + ", memory for groups");
  PARL_CUDA_CHECK(values.allocate(rewards.size()), where + ", memory for rewards");
  PARL_CUDA_CHECK(results.allocate(rewards.size()), where + ", memory for results");
  PARL_CUDA_CHECK(begins.fill(sorted.begins.data(), sorted.begins.size()), where + ", copying groups");
  PARL_CUDA_CHECK(values.fill(sorted.rewards.data(), rewards.size()), where + ", copying rewards");
  const auto blocks = static_cast<unsigned>((groups + kGroupThreads - 1) / kGroupThreads);
  groupAdvantageKernel<<<blocks, kGroupThreads>>>(begins.get(), values.get(), groups, estimator, epsilon, results.get());
  PARL_CUDA_CHECK(cudaGetLastError(), where + ", launch");
  PARL_CUDA_CHECK(cudaDeviceSynchronize(), where);
  std::vector<double> advantages(rewards.size());
  PARL_CUDA_CHECK(results.read(advantages.data(), advantages.size()), where + ", copying results");
  for (size_t i = 0; i < advantages.size(); ++i) out[sorted.rows[i]] = advantages[i];
  return {};
}

}  // namespace parl::cuda
