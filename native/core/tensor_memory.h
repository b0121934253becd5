// Memory of tensors: buffers that begin at a cache line, on huge pages where the system has them.
//
// A vector of 64 bytes that lies across two cache lines costs two accesses, and malloc gives large blocks 16 bytes behind one. On pages of 4
// KiB a step over tens of megabytes spends some of its time on their addresses, the more so on a virtual machine, where each look-up
// takes two walks. Buffers are cut from slabs of 32 MiB, so that small ones share huge pages; a slab goes when the last of its buffers does.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

namespace parl {

struct TensorBuffer {
  std::byte* data;             // at a multiple of 64; zeros
  std::shared_ptr<void> slab;  // the memory lives as long as this does
};

// Any thread may call it and give up its slabs. Throws std::bad_alloc.
TensorBuffer allocateTensorBuffer(int64_t bytes);

// Floats in such memory.
class TensorArray {
 public:
  TensorArray() = default;
  explicit TensorArray(int64_t floats) : memory_(allocateTensorBuffer(floats * static_cast<int64_t>(sizeof(float)))) {}
  float* data() const { return reinterpret_cast<float*>(memory_.data); }

 private:
  TensorBuffer memory_{};
};

}  // namespace parl
