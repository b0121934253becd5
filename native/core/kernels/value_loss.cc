// One row of the value loss, forward and backward in one pass of loads and some ten instructions a vector: bound by memory.
#include "core/value_loss.h"

#include "core/kernels/masks.h"

namespace parl::PARL_ISA {

void valueLossRow(const float* predictions, const float* returns, const float* oldValues, const uint8_t* mask, int64_t n,
                  double rowWeight, float clip, float* gradient, ValueRowStatistics& statistics) {
  const Vec half = splat(0.5f), bound = splat(clip), weight = splat(static_cast<float>(rowWeight));
  SumD loss;
  VecI tokens = {}, clipped = {};
  for (int64_t i = 0; i < n; i += kWidth) {
    const int lanes = n - i < kWidth ? static_cast<int>(n - i) : kWidth;
    const Mask sampled = sampledLanes(mask + i, lanes);
    const Vec v = sampledAt(sampled, predictions + i, lanes), target = sampledAt(sampled, returns + i, lanes);
    const Vec old = sampledAt(sampled, oldValues + i, lanes);
    const Vec near = clamped(v, old - bound, old + bound);
    const Vec plain = (v - target) * (v - target), held = (near - target) * (near - target);
    const Mask wins = less(plain, held, sampled);
    loss.add(kept(sampled, half * vmax(held, plain)));
    put(gradient + i, kept(sampled & ~wins, weight * (v - target)), lanes);
    countUp(tokens, sampled);
    countUp(clipped, wins);
  }
  statistics = {rowWeight * loss.total(), static_cast<double>(countLanes(tokens)), static_cast<double>(countLanes(clipped))};
}

}  // namespace parl::PARL_ISA
