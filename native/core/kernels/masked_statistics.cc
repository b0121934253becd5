// Sums, squared deviations and the affine map of whitening over one block of tokens: a pass of loads and one of double
// additions each, bound by the cache. Tokens that were not sampled are replaced before any arithmetic sees them.
#include "core/masked_statistics.h"

#include "core/kernels/masks.h"

namespace parl::PARL_ISA {
namespace {

const float kInfinity = __builtin_inff();


constexpr int kRun = 64;
// At the beginning of a run of tokens that were not sampled: they add nothing but zeros.
inline bool isIdle(const uint8_t* mask, int64_t i, int64_t n) { return i % kRun == 0 && i + kRun <= n && !anySampled(mask + i, kRun); }

}  // namespace

void maskedSumsBlock(const float* values, const uint8_t* mask, int64_t n, MaskedSums& sums) {
  SumD sum;
  VecI count = {};
  Vec smallest = splat(kInfinity), largest = splat(-kInfinity);
  for (int64_t i = 0; i < n; i += kWidth) {
    if (isIdle(mask, i, n)) {
      i += kRun - kWidth;
      continue;
    }
    const int lanes = n - i < kWidth ? static_cast<int>(n - i) : kWidth;
    const Mask sampled = sampledLanes(mask + i, lanes);
    const Vec x = floatsAt(values + i, lanes);
    sum.add(kept(sampled, x));
    countUp(count, sampled);
    keepSmaller(smallest, sampled, x);
    keepLarger(largest, sampled, x);
  }
  sums.sum = sum.total();
  sums.count = addLanes(count);
  sums.smallest = sums.count == 0 ? 0.0f : -reduceMax(-smallest);
  sums.largest = sums.count == 0 ? 0.0f : reduceMax(largest);
}

double maskedSquaresBlock(const float* values, const uint8_t* mask, int64_t n, double centre) {
  VecD low = {}, high = {};
  const VecD c = splatD(centre);
  for (int64_t i = 0; i < n; i += kWidth) {
    if (isIdle(mask, i, n)) {
      i += kRun - kWidth;
      continue;
    }
    const int lanes = n - i < kWidth ? static_cast<int>(n - i) : kWidth;
    const Mask sampled = sampledLanes(mask + i, lanes);
    const Vec x = floatsAt(values + i, lanes);
    const VecD a = select(sampled, 0, lowHalf(x) - c, VecD{}), b = select(sampled, 1, highHalf(x) - c, VecD{});
    low += a * a;
    high += b * b;
  }
  SumD sum;
  sum.low = low;
  sum.high = high;
  return sum.total();
}

void affineBlock(const float* values, const uint8_t* mask, int64_t n, double centre, double scale, double shift, float* out) {
  const VecD c = splatD(centre), s = splatD(scale), m = splatD(shift);
  for (int64_t i = 0; i < n; i += kWidth) {
    if (isIdle(mask, i, n)) {
      for (int64_t t = i; t < i + kRun; t += kWidth) store(out + t, splat(0.0f));
      i += kRun - kWidth;
      continue;
    }
    const int lanes = n - i < kWidth ? static_cast<int>(n - i) : kWidth;
    const Mask sampled = sampledLanes(mask + i, lanes);
    const Vec x = floatsAt(values + i, lanes);
    const Vec y = kept(sampled, fromHalves((lowHalf(x) - c) * s + m, (highHalf(x) - c) * s + m));
    put(out + i, y, lanes);
  }
}

}  // namespace parl::PARL_ISA
