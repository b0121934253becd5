// Sums, squared deviations and the affine map of whitening over one block of tokens: a pass of loads and one of double
// additions each, bound by the cache. Tokens that were not sampled are replaced before any arithmetic sees them.
#include "core/masked_statistics.h"

#include "core/kernels/masks.h"

namespace parl::PARL_ISA {
namespace {

const float kInfinity = __builtin_inff();
constexpr int kRun = 64;

// Calls f(first token, lanes) for the vectors of a block in order, kWidth lanes each but for the last one's, and idle(first token of kRun) for
// runs without a sampled token instead: those add nothing but zeros.
template <typename F, typename Idle>
inline void forEachVector(const uint8_t* mask, int64_t n, F&& f, Idle&& idle) {
  int64_t i = 0;
  for (; i + kRun <= n; i += kRun) {
    if (!anySampled(mask + i, kRun)) {
      idle(i);
      continue;
    }
#pragma GCC unroll 4
    for (int c = 0; c < kRun; c += kWidth) f(i + c, kWidth);
  }
  for (; i < n; i += kWidth) f(i, n - i < kWidth ? static_cast<int>(n - i) : kWidth);
}

}  // namespace

void maskedSumsBlock(const float* values, const uint8_t* mask, int64_t n, MaskedSums& sums) {
  SumD sum;
  VecI count = {};
  Vec smallest = splat(kInfinity), largest = splat(-kInfinity);
  const auto add = [&](int64_t i, int lanes) __attribute__((always_inline)) {
    const Mask sampled = sampledLanes(mask + i, lanes);
    const Vec x = floatsAt(values + i, lanes);
    sum.add(kept(sampled, x));
    countUp(count, sampled);
    keepSmaller(smallest, sampled, x);
    keepLarger(largest, sampled, x);
  };
  forEachVector(mask, n, add, [](int64_t) {});
  sums.sum = sum.total();
  sums.count = countLanes(count);
  sums.smallest = sums.count == 0 ? 0.0f : -reduceMax(-smallest);
  sums.largest = sums.count == 0 ? 0.0f : reduceMax(largest);
}

double maskedSquaresBlock(const float* values, const uint8_t* mask, int64_t n, double centre) {
  VecD low = {}, high = {};
  const VecD c = splatD(centre);
  const auto add = [&](int64_t i, int lanes) __attribute__((always_inline)) {
    const Mask sampled = sampledLanes(mask + i, lanes);
    const Vec x = floatsAt(values + i, lanes);
    const VecD a = select(sampled, 0, lowHalf(x) - c, VecD{}), b = select(sampled, 1, highHalf(x) - c, VecD{});
    low += a * a;
    high += b * b;
  };
  forEachVector(mask, n, add, [](int64_t) {});
  SumD sum;
  sum.low = low;
  sum.high = high;
  return sum.total();
}

void affineBlock(const float* values, const uint8_t* mask, int64_t n, double centre, double scale, double shift, float* out) {
  const VecD c = splatD(centre), s = splatD(scale), m = splatD(shift);
  const auto map = [&](int64_t i, int lanes) __attribute__((always_inline)) {
    const Mask sampled = sampledLanes(mask + i, lanes);
    const Vec x = floatsAt(values + i, lanes);
    const Vec y = kept(sampled, fromHalves((lowHalf(x) - c) * s + m, (highHalf(x) - c) * s + m));
    put(out + i, y, lanes);
  };
  forEachVector(mask, n, map, [&](int64_t i) {
    for (int64_t t = i; t < i + kRun; t += kWidth) store(out + t, splat(0.0f));
  });
}

}  // namespace parl::PARL_ISA
