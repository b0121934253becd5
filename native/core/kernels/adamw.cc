// AdamW for one range of one tensor: a single pass over parameter, gradient and both moments, bound by memory.
// Sum of squares for the global norm: squares of floats are exact in double; entry j goes to chain j mod 16 on every ISA, so
// the norm has the same bits everywhere.
#include "core/adamw.h"

#include "core/kernels/vec.h"

namespace parl::PARL_ISA {
namespace {

typedef float HalfVec __attribute__((vector_size(PARL_VEC_WIDTH * 2)));
typedef double VecD __attribute__((vector_size(PARL_VEC_WIDTH * 4)));
constexpr int kDoubles = kWidth / 2;
constexpr int kChains = 16;

inline Vec at(const float* p, int lanes) { return lanes == kWidth ? load(p) : loadPartial(p, lanes); }
inline void put(float* p, Vec v, int lanes) {
  if (lanes == kWidth) {
    store(p, v);
  } else {
    storePartial(p, v, lanes);
  }
}

}  // namespace

void adamwRange(float* parameter, const float* gradient, float* m, float* v, int64_t count, const AdamwFactors& f) {
  for (int64_t i = 0; i < count; i += kWidth) {
    const int lanes = count - i < kWidth ? static_cast<int>(count - i) : kWidth;
    const Vec g = at(gradient + i, lanes) * splat(f.gradientScale);
    const Vec first = fma(at(m + i, lanes), splat(f.beta1), g * splat(f.oneMinusBeta1));
    const Vec second = fma(at(v + i, lanes), splat(f.beta2), g * g * splat(f.oneMinusBeta2));
    const Vec denominator = fma(vsqrt(second), splat(f.inverseRootCorrection2), splat(f.epsilon));
    put(m + i, first, lanes);
    put(v + i, second, lanes);
    put(parameter + i, at(parameter + i, lanes) * splat(f.decay) - splat(f.stepSize) * first / denominator, lanes);
  }
}

double sumOfSquares(const float* x, int64_t count) {
  VecD chains[kChains / kDoubles] = {};
  int64_t i = 0;
  for (; i + kChains <= count; i += kChains) {
    for (int c = 0; c < kChains / kDoubles; ++c) {
      HalfVec part;
      __builtin_memcpy(&part, x + i + c * kDoubles, sizeof part);
      const VecD wide = __builtin_convertvector(part, VecD);
      chains[c] += wide * wide;
    }
  }
  double sums[kChains];
  __builtin_memcpy(sums, chains, sizeof sums);
  for (int j = 0; i < count; ++i, ++j) sums[j] += static_cast<double>(x[i]) * static_cast<double>(x[i]);
  for (int half = kChains / 2; half > 0; half /= 2) {
    for (int j = 0; j < half; ++j) sums[j] += sums[j + half];
  }
  return sums[0];
}

}  // namespace parl::PARL_ISA
