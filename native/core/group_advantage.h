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

// Neither NaN nor larger than kLargestReward in magnitude.
inline bool isUsableReward(double reward) { return reward >= -kLargestReward && reward <= kLargestReward; }

// The index of the first reward that is not usable, -1 if none.
int64_t firstUnusableReward(std::span<const double> rewards);

struct GroupAdvantageOptions {
  AdvantageEstimator estimator = AdvantageEstimator::grpo;
  double epsilon = 1e-6;             // grpo: added to the deviation
  bool populationDeviation = false;  // grpo: divisor n instead of n - 1
  bool batchDeviation = false;       // grpo: the deviation of all rewards of the batch instead of the group's
  bool keepSingletons = false;       // a group of one keeps its reward (grpo: over 1 + epsilon) instead of giving 0
};

//   rewards   [n]  all usable (see above)                                        (read)
//   groupIds  [n]  any integers; equal ids are one group, in any order           (read)
//   out       [n]  exact zeros for groups of one (see keepSingletons) and where all rewards are equal (overwritten)
// Work O(n log n) on one thread. Deterministic, and free of order: within a group every sum runs over the rewards in
// ascending order and starts from the smallest, so permuting rows permutes the outputs bit for bit, and adding a
// constant that rounds no reward changes no bit.
void groupAdvantages(std::span<const double> rewards, std::span<const int32_t> groupIds, const GroupAdvantageOptions& options,
                     std::span<double> out);

// The same for one group, whose rewards come in any order. Not with batchDeviation, which needs the others.
void advantagesOfGroup(std::span<const double> rewards, const GroupAdvantageOptions& options, std::span<double> out);

// Standard deviation, free of order and of overflow; 0 where all values are equal.
double deviation(std::span<const double> values, bool population);

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
