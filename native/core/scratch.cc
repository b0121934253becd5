#include "core/scratch.h"

#include <memory>
#include <new>
#include <vector>

namespace parl {
namespace {

constexpr std::align_val_t kAlignment{64};
// A larger buffer (the logits of a big vocabulary) is given back at once instead of being kept for the next kernel.
constexpr int64_t kKeptFloats = int64_t{16} << 20;

struct Release {
  void operator()(float* p) const { ::operator delete(p, kAlignment); }
};
struct Buffer {
  std::unique_ptr<float, Release> data;
  int64_t capacity = 0;
};
thread_local std::vector<Buffer> buffers;
thread_local size_t depth = 0;

}  // namespace

Scratch::Scratch(int64_t floats) {
  if (depth == buffers.size()) buffers.emplace_back();
  Buffer& buffer = buffers[depth];
  if (buffer.capacity < floats || !buffer.data) {
    buffer.data.reset();
    buffer.capacity = 0;
    const int64_t capacity = floats < 1024 ? 1024 : floats;
    buffer.data.reset(static_cast<float*>(::operator new(static_cast<size_t>(capacity) * sizeof(float), kAlignment)));
    buffer.capacity = capacity;
  }
  ++depth;
  data_ = buffer.data.get();
}

Scratch::~Scratch() {
  Buffer& buffer = buffers[--depth];
  if (buffer.capacity > kKeptFloats) buffer = {};
}

}  // namespace parl
