// Group-relative advantages: each reward against the other rewards of its group.
//   grpo     (r - mean) / (sampleStd + epsilon)
//   drGrpo    r - mean
//   rloo      n / (n - 1) * (r - mean), which is r minus the mean of the others
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/group_advantage_formula.h"

namespace parl {

// Rewards beyond this are refused, so that sums of deviations stay finite.
inline constexpr double kLargestReward = 1e290;

// The index of the first reward that is NaN or larger than kLargestReward in magnitude, -1 if none.
int64_t firstUnusableReward(std::span<const double> rewards);

//   rewards   [n]  all usable (see above)                                        (read)
//   groupIds  [n]  any integers; equal ids are one group, in any order           (read)
//   out       [n]  exact zeros for groups of one and where all rewards are equal (overwritten)
// Work O(n log n) on one thread. Deterministic, and free of order: within a group every sum runs over the rewards in
// ascending order and starts from the smallest, so permuting rows permutes the outputs bit for bit, and adding a
// constant that rounds no reward changes no bit.
void groupAdvantages(std::span<const double> rewards, std::span<const int32_t> groupIds, AdvantageEstimator estimator,
                     double epsilon, std::span<double> out);

// Rows in order of (group, reward): where each group begins, and each place's row and reward.
struct SortedGroups {
  std::vector<int64_t> begins;  // [groups + 1]
  std::vector<size_t> rows;     // [n]
  std::vector<double> rewards;  // [n]
};
SortedGroups sortGroups(std::span<const double> rewards, std::span<const int32_t> groupIds);

// True when offsets is 0 = o[0] <= o[1] <= ... <= o[S]: S segments of a flat array. At least one entry.
bool offsetsAscend(std::span<const int32_t> offsets);

// out[t] = values[s] for the segment s with offsets[s] <= t < offsets[s + 1], rounded to float32.
//   values [S], offsets [S + 1] ascending, out [offsets[S]] (overwritten)
void broadcastToTokens(std::span<const double> values, std::span<const int32_t> offsets, std::span<float> out);

}  // namespace parl
