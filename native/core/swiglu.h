// SwiGLU: out = silu(gate) * up, silu(x) = x / (1 + e^-x). Shazeer, arXiv:2002.05202.
#pragma once

#include <cstdint>

#include "core/isa.h"

namespace parl {

// Any shape, count elements; out may be gate or up.
void swigluForward(const float* gate, const float* up, float* out, int64_t count);

// dGate and dUp are overwritten; dGate may be gate or dOut, dUp may be up.
void swigluBackward(const float* dOut, const float* gate, const float* up, float* dGate, float* dUp, int64_t count);

PARL_KERNEL(void, swigluForwardRange, (const float* gate, const float* up, float* out, int64_t count))
PARL_KERNEL(void, swigluBackwardRange,
            (const float* dOut, const float* gate, const float* up, float* dGate, float* dUp, int64_t count))

}  // namespace parl
