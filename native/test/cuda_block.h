// Runs a CUDA kernel without a device: the threads of a block are CPU threads, blocks run one after another.
// Include this before a *_kernel.cuh; kernels may use threadIdx, blockIdx, blockDim, __shared__, __syncthreads and
// full-mask __shfl_xor_sync. What it cannot show: speed, and rounding of the device's expf and log.
#pragma once

#include <barrier>
#include <cmath>
#include <cstdint>
#include <functional>
#include <thread>
#include <vector>

namespace parl::test {

struct Index {
  unsigned x;
};
struct Block {
  explicit Block(unsigned threads) : barrier(threads), exchange(threads) {}
  std::barrier<> barrier;
  std::vector<float> exchange;
};
inline thread_local Index threadIndex, blockIndex, blockSize;
inline thread_local Block* block = nullptr;

// kernel<<<blocks, threads>>>()
inline void launch(unsigned blocks, unsigned threads, const std::function<void()>& kernel) {
  Block shared(threads);
  std::vector<std::thread> workers;
  for (unsigned t = 0; t < threads; ++t) {
    workers.emplace_back([&, t] {
      threadIndex = {t};
      blockSize = {threads};
      block = &shared;
      for (unsigned b = 0; b < blocks; ++b) {
        blockIndex = {b};
        kernel();
        shared.barrier.arrive_and_wait();  // a block's __shared__ memory is free only when all its threads are done
      }
    });
  }
  for (auto& worker : workers) worker.join();
}

inline float shuffleXor(float value, unsigned lane) {
  block->exchange[threadIndex.x] = value;
  block->barrier.arrive_and_wait();
  const float other = block->exchange[threadIndex.x ^ lane];
  block->barrier.arrive_and_wait();
  return other;
}

}  // namespace parl::test

#define __global__ static  // else the linker takes the launch stub of the same name from the core
#define __device__
#define __shared__ static
#define threadIdx ::parl::test::threadIndex
#define blockIdx ::parl::test::blockIndex
#define blockDim ::parl::test::blockSize
#define __syncthreads() ::parl::test::block->barrier.arrive_and_wait()
#define __shfl_xor_sync(mask, value, lane) ::parl::test::shuffleXor((value), (lane))
