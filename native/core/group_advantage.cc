#include "core/group_advantage.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace parl {
int64_t firstUnusableReward(std::span<const double> rewards) {
  for (size_t i = 0; i < rewards.size(); ++i) {
    if (!(std::fabs(rewards[i]) <= kLargestReward)) return static_cast<int64_t>(i);
  }
  return -1;
}

SortedGroups sortGroups(std::span<const double> rewards, std::span<const int32_t> groupIds) {
  SortedGroups sorted;
  sorted.rows.resize(rewards.size());
  std::iota(sorted.rows.begin(), sorted.rows.end(), size_t{0});
  std::sort(sorted.rows.begin(), sorted.rows.end(), [&](size_t a, size_t b) {
    return groupIds[a] != groupIds[b] ? groupIds[a] < groupIds[b] : rewards[a] < rewards[b];
  });
  for (size_t i = 0; i < rewards.size(); ++i) {
    if (i == 0 || groupIds[sorted.rows[i]] != groupIds[sorted.rows[i - 1]]) sorted.begins.push_back(static_cast<int64_t>(i));
    sorted.rewards.push_back(rewards[sorted.rows[i]]);
  }
  sorted.begins.push_back(static_cast<int64_t>(rewards.size()));
  return sorted;
}

void groupAdvantages(std::span<const double> rewards, std::span<const int32_t> groupIds, AdvantageEstimator estimator,
                     double epsilon, std::span<double> out) {
  const SortedGroups sorted = sortGroups(rewards, groupIds);
  std::vector<double> advantages(rewards.size());
  for (size_t group = 0; group + 1 < sorted.begins.size(); ++group) {
    const int64_t begin = sorted.begins[group];
    groupAdvantagesOfSorted(&sorted.rewards[static_cast<size_t>(begin)], sorted.begins[group + 1] - begin, estimator, epsilon,
                            &advantages[static_cast<size_t>(begin)]);
  }
  for (size_t i = 0; i < rewards.size(); ++i) out[sorted.rows[i]] = advantages[i];
}

bool offsetsAscend(std::span<const int32_t> offsets) {
  return !offsets.empty() && offsets.front() == 0 && std::is_sorted(offsets.begin(), offsets.end());
}

void broadcastToTokens(std::span<const double> values, std::span<const int32_t> offsets, std::span<float> out) {
  for (size_t s = 0; s < values.size(); ++s) {
    std::fill(out.begin() + offsets[s], out.begin() + offsets[s + 1], static_cast<float>(values[s]));
  }
}

}  // namespace parl
