// Estimates of the KL divergence from a reference at a vector of tokens (kl_penalty.h), for the penalty alone and inside of a policy loss.
#pragma once

#include "core/kernels/masks.h"
#include "core/kl_penalty.h"

namespace parl::PARL_ISA {
namespace {

inline Vec magnitude(Vec v) { return (Vec)((VecI)v & splatI(0x7fffffff)); }

// e^x - 1 - x without the cancellation near 0: there the series x^2 (1/2 + x/6 + ...), off by less than 1e-7 relative. `e` is e^x.
inline Vec expMinusLine(Vec x, Vec e) {
  Vec p = splat(1.0f / 40320);
  p = fma(p, x, splat(1.0f / 5040));
  p = fma(p, x, splat(1.0f / 720));
  p = fma(p, x, splat(1.0f / 120));
  p = fma(p, x, splat(1.0f / 24));
  p = fma(p, x, splat(1.0f / 6));
  p = fma(p, x, splat(0.5f));
  return select(less(magnitude(x), splat(0.5f)), p * x * x, e - splat(1.0f) - x);
}

struct Kl {
  Vec value, slope;
};

// The KL estimate at d = logprob - reference, and its derivative by the logprob.
inline Kl klOf(Vec d, const KlOptions& o) {
  Kl kl{};
  switch (o.estimator) {
    case KlEstimator::none: return kl;
    case KlEstimator::k1: kl = {d, splat(1.0f)}; break;
    case KlEstimator::k2: kl = {splat(0.5f) * d * d, d}; break;
    case KlEstimator::magnitude:
      kl = {magnitude(d), kept(less(splat(0.0f), d), splat(1.0f)) - kept(less(d, splat(0.0f)), splat(1.0f))};
      break;
    case KlEstimator::k3: {
      const Vec bound = splat(o.exponentBound), x = clamped(-d, -bound, bound);
      const Vec curve = expMinusLine(x, vexp(x)), top = splat(o.valueBound);
      const Mask inside = less(magnitude(d), bound) & less(curve, top);
      // d/dlogprob of e^x - 1 - x is -(e^x - 1) = -(curve + x).
      kl = {vmin(top, curve), kept(inside, -(curve + x))};
      break;
    }
  }
  if (o.gradientOfK2) kl.slope = d;
  return kl;
}

}  // namespace
}  // namespace parl::PARL_ISA
