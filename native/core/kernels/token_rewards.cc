// One row of token rewards to their sum, and one value to the sampled tokens of a row. Both are bound by memory: the sum
// reads 4 bytes a token, and the mask where rewards are; the fill reads 1 and writes 4.
#include "core/token_rewards.h"

#include "core/kernels/masks.h"

namespace parl::PARL_ISA {

namespace {
constexpr int kStep = 8 * kWidth;
}  // namespace

RewardSum rewardSumRow(const float* rewards, const uint8_t* mask, int64_t n) {
  SumD sum[2];
  VecI stray = {};  // bits of rewards on tokens that were not sampled
  int64_t i = 0;
  for (; i + kStep <= n; i += kStep) {
    VecI any = {};
    for (int c = 0; c < kStep / kWidth; ++c) any |= (VecI)load(rewards + i + c * kWidth);
    // Most rewards are 0, and adding those changes no sum. Shifts drop the sign of -0.
    if (!anyBit(any << 1)) continue;
    for (int c = 0; c < kStep / kWidth; ++c) {
      const Vec x = load(rewards + i + c * kWidth);
      stray |= (VecI)kept(~sampledLanes(mask + i + c * kWidth), x);
      sum[c & 1].add(x);
    }
  }
  for (int c = 0; i < n; i += kWidth, c ^= 1) {
    const int lanes = n - i < kWidth ? static_cast<int>(n - i) : kWidth;
    const Vec x = loadPartial(rewards + i, lanes);
    stray |= (VecI)kept(~sampledLanes(mask + i, lanes), x);
    sum[c].add(x);
  }
  sum[0].low += sum[1].low;
  sum[0].high += sum[1].high;
  return {sum[0].total(), anyBit(stray << 1)};
}

void fillSampledRow(float value, const uint8_t* mask, int64_t n, float* out) {
  const Vec v = splat(value);
  int64_t i = 0;
  for (; i + kWidth <= n; i += kWidth) store(out + i, kept(sampledLanes(mask + i), v));
  if (i < n) {
    const int lanes = static_cast<int>(n - i);
    storePartial(out + i, kept(sampledLanes(mask + i, lanes), v), lanes);
  }
}

}  // namespace parl::PARL_ISA
