// bfloat16: the upper half of a float32, so each of its values is a float32 too, and reading one rounds nothing.
//
// Kernels include this: no inline functions here (see kernels/vec.h).
#pragma once

#include <cstdint>

namespace parl {

struct Bf16 {
  uint16_t bits;
};

}  // namespace parl
