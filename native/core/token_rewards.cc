#include "core/token_rewards.h"

#include <algorithm>
#include <atomic>

#include "core/thread_pool.h"

namespace parl {

int64_t rowGrain(const TokenRows& rows) {
  const int64_t tokens = rows.offsets.back(), count = static_cast<int64_t>(rows.rows());
  return std::max<int64_t>(1, count * 16384 / std::max<int64_t>(1, tokens));
}

int64_t firstMaskedReward(const float* rewards, std::span<const uint8_t> mask) {
  for (size_t t = 0; t < mask.size(); ++t) {
    if (mask[t] == 0 && rewards[t] != 0) return static_cast<int64_t>(t);
  }
  return -1;
}

int64_t tokenRewardSums(const float* rewards, const TokenRows& rows, std::span<double> sums) {
  std::atomic<bool> onMasked{false};
  parallelFor(static_cast<int64_t>(rows.rows()), rowGrain(rows), [&](int64_t first, int64_t last) {
    for (size_t row = static_cast<size_t>(first); row < static_cast<size_t>(last); ++row) {
      const int64_t begin = rows.begin(row);
      const RewardSum result = PARL_DISPATCH(rewardSumRow)(rewards + begin, rows.mask.data() + begin, rows.length(row));
      sums[row] = result.sum;
      if (result.onMasked) onMasked.store(true, std::memory_order_relaxed);
    }
  });
  return onMasked.load() ? firstMaskedReward(rewards, rows.mask) : -1;
}

void broadcastToSampled(std::span<const double> values, const TokenRows& rows, float* out) {
  parallelFor(static_cast<int64_t>(rows.rows()), rowGrain(rows), [&](int64_t first, int64_t last) {
    for (size_t row = static_cast<size_t>(first); row < static_cast<size_t>(last); ++row) {
      const int64_t begin = rows.begin(row);
      PARL_DISPATCH(fillSampledRow)(static_cast<float>(values[row]), rows.mask.data() + begin, rows.length(row), out + begin);
    }
  });
}

}  // namespace parl
