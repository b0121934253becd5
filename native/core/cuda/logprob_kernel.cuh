// The kernel of logprob.cu by itself: it uses nothing but CUDA's built-ins, so that a test without a device can run it.
#pragma once

#include <cmath>
#include <cstdint>

namespace parl::cuda {

constexpr int kThreads = 256;
constexpr int kWarps = kThreads / 32;

struct Max {
  __device__ float operator()(float a, float b) const { return fmaxf(a, b); }
};
struct Add {
  __device__ float operator()(float a, float b) const { return a + b; }
};

// `combine` over the block's values, the same in every thread: a butterfly in each warp, then over the warps in order.
template <typename Combine>
__device__ float blockReduce(float value, Combine combine) {
  __shared__ float warps[kWarps];
  for (int lane = 16; lane > 0; lane /= 2) value = combine(value, __shfl_xor_sync(0xffffffffu, value, lane));
  __syncthreads();  // a slow warp may still read `warps` of the reduction before this one
  if (threadIdx.x % 32 == 0) warps[threadIdx.x / 32] = value;
  __syncthreads();
  value = warps[0];
  for (int warp = 1; warp < kWarps; ++warp) value = combine(value, warps[warp]);
  return value;
}

// One block a row; two reads of the logits.
//   logits [rows, v], targets [rows] in [0, v) (read); logprobs, entropies, lse [rows] (overwritten)
__global__ void logprobForwardKernel(const float* logits, const int32_t* targets, int64_t v, float inverseTemperature,
                                     float* logprobs, float* entropies, float* lse) {
  const float* row = logits + blockIdx.x * v;

  // Pass 1: the maximum, so that no exponential overflows. A NaN is passed over here and poisons the sums below.
  float largest = -INFINITY;
  for (int64_t j = threadIdx.x; j < v; j += kThreads) largest = fmaxf(largest, row[j] * inverseTemperature);
  largest = blockReduce(largest, Max{});

  // Pass 2: with d = z - max, the sum of e^d and the sum of d e^d.
  float sum = 0, weighted = 0;
  for (int64_t j = threadIdx.x; j < v; j += kThreads) {
    const float d = row[j] * inverseTemperature - largest;
    const float e = expf(d);
    sum += e;
    weighted += e == 0 ? 0 : d * e;  // -Infinity has probability 0, and 0 * -Infinity would be NaN
  }
  sum = blockReduce(sum, Add{});
  weighted = blockReduce(weighted, Add{});

  if (threadIdx.x == 0) {
    // logprob = d[target] - log(sum); entropy = log(sum) - E[d].
    const double logSum = log(static_cast<double>(sum));
    const double target = static_cast<double>(row[targets[blockIdx.x]] * inverseTemperature);
    logprobs[blockIdx.x] = static_cast<float>(target - largest - logSum);
    entropies[blockIdx.x] = static_cast<float>(logSum - static_cast<double>(weighted) / sum);
    lse[blockIdx.x] = static_cast<float>(largest + logSum);
  }
}

}  // namespace parl::cuda
