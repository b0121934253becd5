#include "core/token_rewards.h"

#include <atomic>

namespace parl {

int64_t firstMaskedReward(const float* rewards, std::span<const uint8_t> mask) {
  for (size_t t = 0; t < mask.size(); ++t) {
    if (mask[t] == 0 && rewards[t] != 0) return static_cast<int64_t>(t);
  }
  return -1;
}

int64_t tokenRewardSums(const float* rewards, const TokenRows& rows, std::span<double> sums) {
  std::atomic<bool> onMasked{false};
  forEachRow(rows, [&](size_t row, int64_t begin) {
    const RewardSum result = PARL_DISPATCH(rewardSumRow)(rewards + begin, rows.mask.data() + begin, rows.length(row));
    sums[row] = result.sum;
    if (result.onMasked) onMasked.store(true, std::memory_order_relaxed);
  });
  return onMasked.load() ? firstMaskedReward(rewards, rows.mask) : -1;
}

void broadcastToSampled(std::span<const double> values, const TokenRows& rows, float* out) {
  forEachRow(rows, [&](size_t row, int64_t begin) {
    PARL_DISPATCH(fillSampledRow)(static_cast<float>(values[row]), rows.mask.data() + begin, rows.length(row), out + begin);
  });
}

}  // namespace parl
