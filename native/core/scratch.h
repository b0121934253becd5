// Scratch memory of the calling thread: a stack of buffers that keep their capacity from one kernel to the next.
//
//   Scratch scratch(count);      // count floats, 64-byte aligned, not initialised
//   float* logits = scratch.data();
//
// Scratches of one thread nest: a kernel that holds one may call a kernel that takes another.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <numeric>

namespace parl {

class Scratch {
 public:
  explicit Scratch(int64_t floats);
  ~Scratch();
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  float* data() const { return data_; }

 private:
  float* data_;
};

// Several arrays in one.
template <size_t N>
class ScratchArrays {
 public:
  explicit ScratchArrays(const std::array<int64_t, N>& floats) : scratch_(std::accumulate(floats.begin(), floats.end(), int64_t{0}, sum)) {
    float* at = scratch_.data();
    for (size_t i = 0; i < N; ++i) {
      arrays_[i] = at;
      at += rounded(floats[i]);
    }
  }
  float* operator[](size_t i) const { return arrays_[i]; }

 private:
  static int64_t rounded(int64_t floats) { return (floats + 15) / 16 * 16; }  // each begins at a cache line
  static int64_t sum(int64_t before, int64_t floats) { return before + rounded(floats); }
  Scratch scratch_;
  std::array<float*, N> arrays_;
};

// Bytes that the scratches of all threads hold now, in use or kept for the next kernel.
int64_t scratchBytes();

}  // namespace parl
