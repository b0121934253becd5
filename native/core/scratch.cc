#include "core/scratch.h"

#include <atomic>
#include <utility>
#include <vector>

#include "core/tensor_memory.h"

namespace parl {
namespace {

// A larger buffer (the logits of a big vocabulary) is given back at once instead of being kept for the next kernel.
constexpr int64_t kKeptFloats = int64_t{16} << 20;

std::atomic<int64_t> heldFloats = 0;

class Buffer {
 public:
  Buffer() = default;
  Buffer(Buffer&& other) noexcept : memory_(std::move(other.memory_)), capacity_(std::exchange(other.capacity_, 0)) {}
  Buffer& operator=(Buffer&&) = delete;
  ~Buffer() { clear(); }

  int64_t capacity() const { return capacity_; }
  float* data() const { return reinterpret_cast<float*>(memory_.data); }
  void clear() {
    memory_ = {};
    heldFloats.fetch_sub(std::exchange(capacity_, 0), std::memory_order_relaxed);
  }
  void allocate(int64_t floats) {
    clear();
    memory_ = allocateTensorBuffer(floats * static_cast<int64_t>(sizeof(float)));
    capacity_ = floats;
    heldFloats.fetch_add(floats, std::memory_order_relaxed);
  }

 private:
  TensorBuffer memory_{};
  int64_t capacity_ = 0;
};
thread_local std::vector<Buffer> buffers;
thread_local size_t depth = 0;

}  // namespace

Scratch::Scratch(int64_t floats) {
  if (depth == buffers.size()) buffers.emplace_back();
  Buffer& buffer = buffers[depth];
  if (buffer.capacity() < floats || buffer.data() == nullptr) buffer.allocate(floats < 1024 ? 1024 : floats);
  ++depth;
  data_ = buffer.data();
}

Scratch::~Scratch() {
  Buffer& buffer = buffers[--depth];
  if (buffer.capacity() > kKeptFloats) buffer.clear();
}

int64_t scratchBytes() { return heldFloats.load(std::memory_order_relaxed) * static_cast<int64_t>(sizeof(float)); }

}  // namespace parl
