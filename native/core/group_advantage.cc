#include "core/group_advantage.h"

#include <algorithm>
#include <numeric>

namespace parl {

int64_t firstUnusableReward(std::span<const double> rewards) {
  for (size_t i = 0; i < rewards.size(); ++i) {
    if (!isUsableReward(rewards[i])) return static_cast<int64_t>(i);
  }
  return -1;
}

namespace {

constexpr size_t kCounted = 24;

// places[i] = the rewards that come before rewards[i] in ascending order, of equal ones the earlier: no branch to be guessed wrong.
void countPlaces(const double* rewards, size_t count, size_t* places) {
  for (size_t i = 0; i < count; ++i) {  // of a pair, one is before the other
    size_t place = i;
    for (size_t j = 0; j < i; ++j) {
      const auto later = static_cast<size_t>(rewards[i] < rewards[j]);
      place -= later;
      places[j] += later;
    }
    places[i] = place;
  }
}

// Sorts the rows of a group by reward.
void sortByReward(size_t* rows, size_t count, std::span<const double> rewards) {
  if (count > kCounted) {
    std::sort(rows, rows + count, [&](size_t a, size_t b) { return rewards[a] < rewards[b]; });
    return;
  }
  size_t unsorted[kCounted], places[kCounted];
  double own[kCounted];
  std::copy_n(rows, count, unsorted);
  for (size_t i = 0; i < count; ++i) own[i] = rewards[unsorted[i]];
  countPlaces(own, count, places);
  for (size_t i = 0; i < count; ++i) rows[places[i]] = unsorted[i];
}

// Of a group whose rewards are sorted.
void advantagesOfSorted(const double* rewards, int64_t n, const GroupAdvantageOptions& options, double* out) {
  const bool ownDeviation = options.estimator != AdvantageEstimator::grpo || !options.batchDeviation;
  groupAdvantagesOfSorted(rewards, n, ownDeviation ? options.estimator : AdvantageEstimator::drGrpo, options.epsilon, out,
                          options.populationDeviation);
  if (n == 1 && options.keepSingletons) {
    const bool scaled = options.estimator == AdvantageEstimator::grpo && ownDeviation;
    *out = *rewards / (scaled ? 1 + options.epsilon : 1);
  }
}

}  // namespace

void advantagesOfGroup(std::span<const double> rewards, const GroupAdvantageOptions& options, std::span<double> out) {
  const size_t n = rewards.size();
  if (n == 0) return;
  if (n <= kCounted) {
    size_t places[kCounted];
    double sorted[kCounted], advantages[kCounted];
    countPlaces(rewards.data(), n, places);
    for (size_t i = 0; i < n; ++i) sorted[places[i]] = rewards[i];
    advantagesOfSorted(sorted, static_cast<int64_t>(n), options, advantages);
    for (size_t i = 0; i < n; ++i) out[i] = advantages[places[i]];
    return;
  }
  std::vector<size_t> rows(n);
  std::vector<double> sorted(n), advantages(n);
  std::iota(rows.begin(), rows.end(), size_t{0});
  sortByReward(rows.data(), n, rewards);
  for (size_t i = 0; i < n; ++i) sorted[i] = rewards[rows[i]];
  advantagesOfSorted(sorted.data(), static_cast<int64_t>(n), options, advantages.data());
  for (size_t i = 0; i < n; ++i) out[rows[i]] = advantages[i];
}

SortedGroups sortGroups(std::span<const double> rewards, std::span<const int32_t> groupIds) {
  SortedGroups sorted;
  sorted.rows.resize(rewards.size());
  std::iota(sorted.rows.begin(), sorted.rows.end(), size_t{0});
  // Rollouts of a group mostly lie together already.
  if (!std::is_sorted(groupIds.begin(), groupIds.end())) {
    std::sort(sorted.rows.begin(), sorted.rows.end(), [&](size_t a, size_t b) { return groupIds[a] < groupIds[b]; });
  }
  sorted.rewards.resize(rewards.size());
  for (size_t begin = 0, end; begin < rewards.size(); begin = end) {
    const int32_t id = groupIds[sorted.rows[begin]];
    end = begin + 1;
    while (end < rewards.size() && groupIds[sorted.rows[end]] == id) ++end;
    sortByReward(&sorted.rows[begin], end - begin, rewards);
    sorted.begins.push_back(static_cast<int64_t>(begin));
    for (size_t i = begin; i < end; ++i) sorted.rewards[i] = rewards[sorted.rows[i]];
  }
  sorted.begins.push_back(static_cast<int64_t>(rewards.size()));
  return sorted;
}

double deviation(std::span<const double> values, bool population) {
  std::vector<double> sorted(values.begin(), values.end());
  std::sort(sorted.begin(), sorted.end());
  if (sorted.empty() || sorted.front() == sorted.back()) return 0;
  const double count = static_cast<double>(sorted.size()), smallest = sorted.front();
  double sum = 0;
  for (double value : sorted) sum += value - smallest;
  const double mean = sum / count;
  for (double& value : sorted) value = value - smallest - mean;
  return rootMeanSquare(sorted.data(), static_cast<int64_t>(sorted.size()), population ? count : count - 1);
}

void groupAdvantages(std::span<const double> rewards, std::span<const int32_t> groupIds, const GroupAdvantageOptions& options,
                     std::span<double> out) {
  const SortedGroups sorted = sortGroups(rewards, groupIds);
  const bool ownDeviation = options.estimator != AdvantageEstimator::grpo || !options.batchDeviation;
  std::vector<double> advantages(rewards.size());
  for (size_t group = 0; group + 1 < sorted.begins.size(); ++group) {
    const auto begin = static_cast<size_t>(sorted.begins[group]);
    const int64_t n = sorted.begins[group + 1] - sorted.begins[group];
    advantagesOfSorted(&sorted.rewards[begin], n, options, &advantages[begin]);
  }
  if (!ownDeviation && !rewards.empty()) {
    const double divisor = deviation(rewards, options.populationDeviation) + options.epsilon;
    // A batch of equal rewards has no deviation, and only zeros to divide unless singletons are kept.
    for (double& advantage : advantages) advantage = advantage == 0 ? 0 : advantage / divisor;
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
