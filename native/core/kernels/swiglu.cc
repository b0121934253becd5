// out = silu(gate) * up with s = 1 / (1 + e^-gate):
//   forward:  out = gate * s * up
//   backward: dUp = dOut * gate * s;  dGate = dOut * up * s * (1 + gate * (1 - s))
// One read of each input; e^x is the polynomial of vec.h, so the tail of a range goes through a partial vector and rounds
// like the rest.
#include "core/swiglu.h"

#include "core/kernels/vec.h"

namespace parl::PARL_ISA {
namespace {
inline Vec sigmoid(Vec x) { return splat(1.0f) / (splat(1.0f) + vexp(-x)); }
}  // namespace

void swigluForwardRange(const float* gate, const float* up, float* out, int64_t count) {
  for (int64_t i = 0; i < count; i += kWidth) {
    const bool whole = count - i >= kWidth;
    const int lanes = whole ? kWidth : static_cast<int>(count - i);
    const Vec g = whole ? load(gate + i) : loadPartial(gate + i, lanes);
    const Vec u = whole ? load(up + i) : loadPartial(up + i, lanes);
    const Vec y = g * sigmoid(g) * u;
    if (whole) {
      store(out + i, y);
    } else {
      storePartial(out + i, y, lanes);
    }
  }
}

void swigluBackwardRange(const float* dOut, const float* gate, const float* up, float* dGate, float* dUp, int64_t count) {
  const Vec one = splat(1.0f);
  for (int64_t i = 0; i < count; i += kWidth) {
    const bool whole = count - i >= kWidth;
    const int lanes = whole ? kWidth : static_cast<int>(count - i);
    const Vec dy = whole ? load(dOut + i) : loadPartial(dOut + i, lanes);
    const Vec g = whole ? load(gate + i) : loadPartial(gate + i, lanes);
    const Vec u = whole ? load(up + i) : loadPartial(up + i, lanes);
    const Vec s = sigmoid(g);
    const Vec dg = dy * u * (s * fma(g, one - s, one));
    const Vec du = dy * (g * s);
    if (whole) {
      store(dGate + i, dg);
      store(dUp + i, du);
    } else {
      storePartial(dGate + i, dg, lanes);
      storePartial(dUp + i, du, lanes);
    }
  }
}

}  // namespace parl::PARL_ISA
