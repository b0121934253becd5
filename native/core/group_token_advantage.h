// Group-relative advantages of every sampled token, from token rewards: tokenRewardSums, groupAdvantages and broadcastToSampled in one.
//
// The three of them read the mask twice and meet twice. Here a thread takes some groups from their rewards to their advantages: 8 rows of 1,024
// tokens are 72 KB, and the mask is still in its first cache when the advantages are written.
#pragma once

#include <cstdint>
#include <span>

#include "core/group_advantage.h"
#include "core/token_rows.h"

namespace parl {

struct TokenAdvantageFault {
  int64_t maskedReward = -1;    // index of the first token that was not sampled and has a reward
  int64_t unusableReward = -1;  // the first row whose sum is NaN or larger than kLargestReward
  double sum = 0;               // of that row
};

//   rewards [tokens], groupIds [rows] read; out [tokens] overwritten, also where there is a fault. The bits of the three functions.
TokenAdvantageFault groupTokenAdvantages(const float* rewards, const TokenRows& rows, std::span<const int32_t> groupIds,
                                         const GroupAdvantageOptions& options, float* out);

}  // namespace parl
