#include "core/cuda/logprob.h"

#include <algorithm>

#include "core/cuda/check.cuh"
#include "core/cuda/logprob_kernel.cuh"

namespace parl::cuda {

constexpr int64_t kPieceBytes = int64_t{256} << 20;

std::string logprobForward(const float* logits, const int32_t* targets, int64_t n, int64_t v, float temperature,
                           float* logprobs, float* entropies, float* lse) {
  if (n == 0) return {};
  const std::string where = "logprobForwardKernel with n = " + std::to_string(n) + ", v = " + std::to_string(v);
  const int64_t most = std::clamp<int64_t>(kPieceBytes / static_cast<int64_t>(v * sizeof(float)), 1, n);
  DeviceArray<float> rows, results;
  DeviceArray<int32_t> wanted;
  PARL_CUDA_CHECK(rows.allocate(static_cast<size_t>(most * v)), where + ", memory for logits");
  PARL_CUDA_CHECK(results.allocate(static_cast<size_t>(3 * most)), where + ", memory for results");
  PARL_CUDA_CHECK(wanted.allocate(static_cast<size_t>(most)), where + ", memory for targets");
  for (int64_t first = 0; first < n; first += most) {
    const auto count = static_cast<size_t>(std::min(most, n - first));
    PARL_CUDA_CHECK(rows.fill(logits + first * v, count * static_cast<size_t>(v)), where + ", copying logits");
    PARL_CUDA_CHECK(wanted.fill(targets + first, count), where + ", copying targets");
    float* const deviceLogprobs = results.get();
    logprobForwardKernel<<<static_cast<unsigned>(count), kThreads>>>(rows.get(), wanted.get(), v, 1.0f / temperature,
                                                                     deviceLogprobs, deviceLogprobs + most,
                                                                     deviceLogprobs + 2 * most);
    PARL_CUDA_CHECK(cudaGetLastError(), where + ", launch");
    PARL_CUDA_CHECK(cudaDeviceSynchronize(), where);
    float* const outputs[] = {logprobs, entropies, lse};
    for (int i = 0; i < 3; ++i) {
      PARL_CUDA_CHECK(cudaMemcpy(outputs[i] + first, deviceLogprobs + i * most, count * sizeof(float), cudaMemcpyDeviceToHost),
                      where + ", copying results");
    }
  }
  return {};
}

}  // namespace parl::cuda
