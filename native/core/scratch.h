// Scratch memory of the calling thread: a stack of buffers that keep their capacity from one kernel to the next.
//
//   Scratch scratch(count);      // count floats, 64-byte aligned, not initialised
//   float* logits = scratch.data();
//
// Scratches of one thread nest: a kernel that holds one may call a kernel that takes another.
#pragma once

#include <cstdint>

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

// Bytes that the scratches of all threads hold now, in use or kept for the next kernel.
int64_t scratchBytes();

}  // namespace parl
