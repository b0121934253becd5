// From token rewards to one reward a row, and back from one advantage a row to its sampled tokens.
#pragma once

#include <cstdint>
#include <span>

#include "core/isa.h"
#include "core/token_rows.h"

namespace parl {

// sums[r] = sum of the rewards of row r, in double precision.
//   rewards [tokens] (read), sums [rows] (overwritten)
// Returns -1, or the index of the first token that was not sampled and has a reward: such a reward belongs to no action,
// and estimators that follow the mask lose it without a word. NaN counts as a reward.
int64_t tokenRewardSums(const float* rewards, const TokenRows& rows, std::span<double> sums);

// out[t] = values[row of t], rounded to float32, where t was sampled; else 0.
//   values [rows] (read), out [tokens] (overwritten)
void broadcastToSampled(std::span<const double> values, const TokenRows& rows, float* out);

// The index of the first token outside the mask whose reward is not 0; -1 if none.
int64_t firstMaskedReward(const float* rewards, std::span<const uint8_t> mask);

struct RewardSum {
  double sum;
  bool onMasked;  // a reward stands on a token that was not sampled
};
PARL_KERNEL(RewardSum, rewardSumRow, (const float* rewards, const uint8_t* mask, int64_t n))
PARL_KERNEL(void, fillSampledRow, (float value, const uint8_t* mask, int64_t n, float* out))

}  // namespace parl
