// Element by element over whole arrays.
#pragma once

#include <cstdint>

#include "core/isa.h"

namespace parl {

// out[i] = a[i] + b[i]; out may be a or b (the residual stream).
void add(const float* a, const float* b, float* out, int64_t count);

PARL_KERNEL(void, addRange, (const float* a, const float* b, float* out, int64_t count))

}  // namespace parl
