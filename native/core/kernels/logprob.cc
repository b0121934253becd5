// Log-probability and entropy of one row of logits, and their gradient.
//
//   forward:  pass 1: max;  pass 2: sum of e = e^(z - max) and of e (z - max), z = logits / temperature
//             entropy = log(sum) - (sum of e (z - max)) / sum
//   backward: p = e^(z - lse);  dz = dLogprob (1[target] - p) - dEntropy p (z - lse + entropy);  dLogits = dz / temperature
//
// Sums run in four vector accumulators, entry j in lane j mod 4 kWidth, and are added in one order: a row's bits do not
// depend on anything but the row. A row of the tile that linear_logprob.cc computes is still in L2 for both passes.
#include "core/logprob.h"

#include "core/kernels/vec.h"

namespace parl::PARL_ISA {
namespace {

constexpr int kChains = 4;
const float kMinusInfinity = -__builtin_inff();

// z - max, not below -104, where e^x is 0: there 0 * -Infinity would make a NaN of an impossible token. NaN stays NaN.
inline Vec relative(Vec z, Vec reference) { return vmax(splat(-104.0f), z - reference); }

}  // namespace

LogprobRow logprobRow(const float* logits, int64_t vocab, float inverseTemperature, bool wantEntropy) {
  Vec top[kChains];
  for (int c = 0; c < kChains; ++c) top[c] = splat(kMinusInfinity);
  int64_t j = 0;
  for (; j + kChains * kWidth <= vocab; j += kChains * kWidth) {
    for (int c = 0; c < kChains; ++c) top[c] = vmax(load(logits + j + c * kWidth), top[c]);
  }
  for (; j < vocab; j += kWidth) {
    const int lanes = vocab - j < kWidth ? static_cast<int>(vocab - j) : kWidth;
    top[0] = vmax(loadPartial(logits + j, lanes, kMinusInfinity), top[0]);
  }
  // Rounding is monotonic: the scaled maximum is the maximum of the scaled.
  const float max = reduceMax(vmax(vmax(top[0], top[1]), vmax(top[2], top[3]))) * inverseTemperature;

  const Vec scale = splat(inverseTemperature), maxes = splat(max);
  Vec sums[kChains] = {}, weighted[kChains] = {};
  j = 0;
  if (wantEntropy) {
    for (; j + kChains * kWidth <= vocab; j += kChains * kWidth) {
      for (int c = 0; c < kChains; ++c) {
        const Vec z = relative(load(logits + j + c * kWidth) * scale, maxes);
        const Vec e = vexp(z);
        sums[c] += e;
        weighted[c] = fma(e, z, weighted[c]);
      }
    }
  } else {
    for (; j + kChains * kWidth <= vocab; j += kChains * kWidth) {
      for (int c = 0; c < kChains; ++c) sums[c] += vexp(relative(load(logits + j + c * kWidth) * scale, maxes));
    }
  }
  for (int c = 0; j < vocab; j += kWidth, ++c) {
    const int lanes = vocab - j < kWidth ? static_cast<int>(vocab - j) : kWidth;
    const Vec z = relative(loadPartial(logits + j, lanes, kMinusInfinity) * scale, maxes);
    const Vec e = vexp(z);
    sums[c] += e;
    weighted[c] = fma(e, z, weighted[c]);
  }
  const float sum = reduceAdd((sums[0] + sums[1]) + (sums[2] + sums[3]));
  const double logSum = __builtin_log(static_cast<double>(sum));
  LogprobRow row{static_cast<double>(max) + logSum, __builtin_nanf("")};
  if (wantEntropy) {
    const float mean = reduceAdd((weighted[0] + weighted[1]) + (weighted[2] + weighted[3])) / sum;
    row.entropy = static_cast<float>(logSum - static_cast<double>(mean));
  }
  return row;
}

void logprobBackwardRow(float dLogprob, float dEntropy, const float* logits, int64_t target, float lse, float entropy,
                        int64_t vocab, float inverseTemperature, float* dLogits) {
  const Vec scale = splat(inverseTemperature), shift = splat(lse);
  const bool withEntropy = dEntropy != 0.0f;
  const Vec constant = splat(dLogprob), slope = splat(withEntropy ? dEntropy : 0.0f);
  const Vec offset = splat(withEntropy ? entropy : 0.0f);
  for (int64_t j = 0; j < vocab; j += kWidth) {
    const bool whole = vocab - j >= kWidth;
    const int lanes = whole ? kWidth : static_cast<int>(vocab - j);
    const Vec x = whole ? load(logits + j) : loadPartial(logits + j, lanes);
    const Vec logp = relative(x * scale, shift);
    const Vec gradient = -(vexp(logp) * fma(slope, logp + offset, constant)) * scale;
    if (whole) {
      store(dLogits + j, gradient);
    } else {
      storePartial(dLogits + j, gradient, lanes);
    }
  }
  dLogits[target] += dLogprob * inverseTemperature;
}

}  // namespace parl::PARL_ISA
