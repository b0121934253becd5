// Sums, squared deviations and the affine map of whitening over one block of tokens: a pass of loads and one of double
// additions each, bound by the cache. Tokens that were not sampled are replaced before any arithmetic sees them.
#include "core/masked_statistics.h"

#include "core/kernels/lanes.h"

namespace parl::PARL_ISA {
namespace {

const float kInfinity = __builtin_inff();

inline Vec valuesAt(const float* p, int lanes) { return lanes == kWidth ? load(p) : loadPartial(p, lanes); }
inline VecI maskAt(const uint8_t* p, int lanes) { return lanes == kWidth ? maskLanes(p) : maskLanesPartial(p, lanes); }

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
    const VecI sampled = maskAt(mask + i, lanes);
    const Vec x = valuesAt(values + i, lanes);
    sum.add(select(sampled, x, splat(0.0f)));
    count -= sampled;
    smallest = vmin(select(sampled, x, splat(kInfinity)), smallest);
    largest = vmax(select(sampled, x, splat(-kInfinity)), largest);
  }
  sums.sum = sum.total();
  sums.count = countLanes(count);
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
    const VecI sampled = maskAt(mask + i, lanes);
    const Vec x = valuesAt(values + i, lanes);
    const Vec one = select(sampled, splat(1.0f), splat(0.0f)), kept = select(sampled, x, splat(0.0f));
    const VecD a = (lowHalf(kept) - c) * lowHalf(one), b = (highHalf(kept) - c) * highHalf(one);
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
    const VecI sampled = maskAt(mask + i, lanes);
    const Vec x = select(sampled, valuesAt(values + i, lanes), splat(0.0f));
    const Vec y = select(sampled, fromHalves((lowHalf(x) - c) * s + m, (highHalf(x) - c) * s + m), splat(0.0f));
    if (lanes == kWidth) {
      store(out + i, y);
    } else {
      storePartial(out + i, y, lanes);
    }
  }
}

}  // namespace parl::PARL_ISA
