// Log-probability and entropy of one row of logits, and their gradient.
//
//   forward:  for each block of kBlock entries, which the first cache holds between the passes:
//               pass 1: m = max;  pass 2: s = sum of e and w = sum of e (z - m), e = e^(z - m), z = logits / temperature
//               merge (m, s, w) into the row's, rescaled to the larger maximum, in double precision
//             entropy = log(s) - w / s
//   backward: p = e^(z - lse);  dz = dLogprob (1[target] - p) - dEntropy p (z - lse + entropy);  dLogits = dz / temperature
//
// Blocks lie at fixed places of the row, and within a block sums run in four vector accumulators, entry j in lane
// j mod 4 kWidth, added in one order: a row's bits depend on nothing but the row. Blocks are there so that a vocabulary larger
// than the caches is read from memory once, and so that linear_logprob.cc can make a row's logits block by block.
//
// Per vector the forward pass is a maximum and 16 instructions, 10 of them fused multiply-adds: with every operand in the cache
// the two FMA units are the limit, about 6 cycles for kWidth entries, as long as enough chains are in flight: four vectors take each step together.
#include "core/logprob.h"

#include <type_traits>

#include "core/kernels/vec.h"

namespace parl::PARL_ISA {
namespace {

constexpr int kChains = 4;
constexpr int kLineFloats = 16;  // of a cache line
const float kMinusInfinity = -__builtin_inff();

inline Vec loadLanes(const float* p, int lanes, float fill) { return lanes == kWidth ? load(p) : loadPartial(p, lanes, fill); }

float maximum(const float* x, int64_t count) {
  Vec top[kChains];
  for (int c = 0; c < kChains; ++c) top[c] = splat(kMinusInfinity);
  int64_t j = 0;
  for (; j + kChains * kWidth <= count; j += kChains * kWidth) {
    for (int c = 0; c < kChains; ++c) top[c] = vmax(load(x + j + c * kWidth), top[c]);
  }
  for (; j < count; j += kWidth) {
    const int lanes = count - j < kWidth ? static_cast<int>(count - j) : kWidth;
    top[0] = vmax(loadLanes(x + j, lanes, kMinusInfinity), top[0]);
  }
  return reduceMax(vmax(vmax(top[0], top[1]), vmax(top[2], top[3])));
}

template <bool wantEntropy>
void sumBlock(const float* x, int64_t count, Vec scale, Vec shift, float& sum, float& weighted) {
  Vec sums[kChains] = {}, means[kChains] = {};
  // N vectors of the chains from `first` on.
  const auto add = [&]<int N>(int first, Vec (&z)[N]) __attribute__((always_inline)) {
    Vec e[N];
#pragma GCC unroll 4
    for (int c = 0; c < N; ++c) {
      z[c] = fma(z[c], scale, shift);
      // Not below kExpZero, where e is 0: there 0 * -Infinity would make a NaN of an impossible token. NaN stays NaN.
      if constexpr (wantEntropy) z[c] = vmax(splat(kExpZero), z[c]);
      e[c] = z[c];
    }
    vexpBelow80(e);
#pragma GCC unroll 4
    for (int c = 0; c < N; ++c) {
      sums[first + c] += e[c];
      if constexpr (wantEntropy) means[first + c] = fma(e[c], z[c], means[first + c]);
    }
  };
  int64_t j = 0;
  for (; j + kChains * kWidth <= count; j += kChains * kWidth) {
    // What follows in memory is the next block or the next row: its maximum would otherwise wait for every line of it.
    for (int line = 0; line < kChains * kWidth; line += kLineFloats) __builtin_prefetch(x + count + j + line);
    Vec logits[kChains];
#pragma GCC unroll 4
    for (int c = 0; c < kChains; ++c) logits[c] = load(x + j + c * kWidth);
    add(0, logits);
  }
#pragma GCC unroll 4
  for (int c = 0; c < kChains; ++c, j += kWidth) {
    if (j >= count) break;
    Vec logits[1] = {loadLanes(x + j, count - j < kWidth ? static_cast<int>(count - j) : kWidth, kMinusInfinity)};
    add(c, logits);
  }
  sum = reduceAdd((sums[0] + sums[1]) + (sums[2] + sums[3]));
  weighted = reduceAdd((means[0] + means[1]) + (means[2] + means[3]));
}

}  // namespace

void logprobBlock(const float* logits, int64_t count, float inverseTemperature, bool wantEntropy, LogprobSums& sums) {
  // Rounding is monotonic: the scaled maximum is the maximum of the scaled.
  const float top = maximum(logits, count) * inverseTemperature;
  // Without a finite entry the block adds nothing (or NaN) whatever it is compared with.
  const float max = top == kMinusInfinity ? 0.0f : top;
  float sum, weighted = 0;
  if (wantEntropy) {
    sumBlock<true>(logits, count, splat(inverseTemperature), splat(-max), sum, weighted);
  } else {
    sumBlock<false>(logits, count, splat(inverseTemperature), splat(-max), sum, weighted);
  }
  const double s = static_cast<double>(sum), w = static_cast<double>(weighted), m = static_cast<double>(max);
  if (sums.empty || !(sums.sum > 0)) {
    // Nothing so far, or only what cannot be compared: NaN stays in the sum.
    sums = {m, sums.sum + s, w, false};
  } else if (m > sums.max) {
    const double factor = __builtin_exp(sums.max - m);
    sums = {m, sums.sum * factor + s, (sums.weighted + sums.sum * (sums.max - m)) * factor + w, false};
  } else {
    const double factor = __builtin_exp(m - sums.max);
    sums.sum += s * factor;
    sums.weighted += (w + s * (m - sums.max)) * factor;
  }
}

LogprobRow finishedRow(const LogprobSums& sums, bool wantEntropy) {
  if (!(sums.sum > 0)) return {__builtin_nan(""), __builtin_nanf("")};
  const double logSum = __builtin_log(sums.sum);
  return {sums.max + logSum, wantEntropy ? static_cast<float>(logSum - sums.weighted / sums.sum) : __builtin_nanf("")};
}

LogprobRow logprobRow(const float* logits, int64_t vocab, float inverseTemperature, bool wantEntropy) {
  LogprobSums sums;
  for (int64_t j = 0; j < vocab; j += kLogprobBlock) {
    logprobBlock(logits + j, vocab - j < kLogprobBlock ? vocab - j : kLogprobBlock, inverseTemperature, wantEntropy, sums);
  }
  return finishedRow(sums, wantEntropy);
}

void logprobBackwardRow(float dLogprob, float dEntropy, const float* logits, int64_t target, float lse, float entropy,
                        int64_t vocab, float inverseTemperature, float* dLogits) {
  const Vec scale = splat(inverseTemperature), shift = splat(-lse);
  const bool withEntropy = dEntropy != 0.0f;
  const Vec constant = splat(-dLogprob * inverseTemperature), slope = splat(withEntropy ? -dEntropy * inverseTemperature : 0.0f);
  const Vec offset = splat(withEntropy ? entropy : 0.0f);
  // N vectors of logits become their gradient.
  const auto gradient = [&]<int N, bool hasSlope>(Vec (&x)[N], std::bool_constant<hasSlope>) __attribute__((always_inline)) {
    Vec p[N];
#pragma GCC unroll 4
    for (int c = 0; c < N; ++c) {
      x[c] = fma(x[c], scale, shift);
      if constexpr (hasSlope) x[c] = vmax(splat(kExpZero), x[c]);
      p[c] = x[c];
    }
    vexpBelow80(p);
#pragma GCC unroll 4
    for (int c = 0; c < N; ++c) x[c] = p[c] * (hasSlope ? fma(slope, x[c] + offset, constant) : constant);
  };
  const auto row = [&](auto hasSlope) __attribute__((always_inline)) {
    int64_t j = 0;
    for (; j + kChains * kWidth <= vocab; j += kChains * kWidth) {
      Vec x[kChains];
#pragma GCC unroll 4
      for (int c = 0; c < kChains; ++c) x[c] = load(logits + j + c * kWidth);
      gradient(x, hasSlope);
#pragma GCC unroll 4
      for (int c = 0; c < kChains; ++c) store(dLogits + j + c * kWidth, x[c]);
    }
    for (; j < vocab; j += kWidth) {
      const int lanes = vocab - j < kWidth ? static_cast<int>(vocab - j) : kWidth;
      Vec x[1] = {loadLanes(logits + j, lanes, 0.0f)};
      gradient(x, hasSlope);
      if (lanes == kWidth) {
        store(dLogits + j, x[0]);
      } else {
        storePartial(dLogits + j, x[0], lanes);
      }
    }
  };
  if (withEntropy) {
    row(std::true_type{});
  } else {
    row(std::false_type{});
  }
  if (target >= 0 && target < vocab) dLogits[target] += dLogprob * inverseTemperature;
}

}  // namespace parl::PARL_ISA
