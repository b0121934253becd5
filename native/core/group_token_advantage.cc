#include "core/group_token_advantage.h"

#include <algorithm>
#include <atomic>
#include <numeric>
#include <vector>

#include "core/token_rewards.h"

namespace parl {
namespace {

constexpr size_t kGroupsPerThread = 4;  // fewer would not keep threads alike busy
constexpr size_t kGroupsAtOnce = 8;     // what one group waits for, the formula's chain of some hundred cycles, others fill

// Group g is the rows row(begins[g]) .. row(begins[g + 1] - 1).
struct RowGroups {
  std::vector<size_t> sorted, begins;  // rows by group; none where they lie so
  size_t largest = 0;

  explicit RowGroups(std::span<const int32_t> ids) : begins(ids.size() + 1) {
    // Rollouts of a group mostly lie together already.
    if (!std::is_sorted(ids.begin(), ids.end())) {
      sorted.resize(ids.size());
      std::iota(sorted.begin(), sorted.end(), size_t{0});
      std::stable_sort(sorted.begin(), sorted.end(), [ids](size_t a, size_t b) { return ids[a] < ids[b]; });
    }
    size_t groups = 0;
    for (size_t i = 0; i < ids.size(); ++i) {
      begins[groups] = i;  // stands if a group begins here
      groups += static_cast<size_t>(i == 0 || ids[row(i)] != ids[row(i - 1)]);
    }
    begins[groups] = ids.size();
    begins.resize(groups + 1);
    for (size_t g = 0; g < groups; ++g) largest = std::max(largest, begins[g + 1] - begins[g]);
  }
  size_t count() const { return begins.size() - 1; }
  size_t row(size_t i) const { return sorted.empty() ? i : sorted[i]; }
};

RewardSum rewardSum(const float* rewards, const TokenRows& rows, size_t row) {
  const int64_t at = rows.begin(row);
  return PARL_DISPATCH(rewardSumRow)(rewards + at, rows.mask.data() + at, rows.length(row));
}

// Rewards to sums and advantages to tokens on all rows at once. Returns the first row whose sum is unusable, or -1.
int64_t byRows(const float* rewards, const TokenRows& rows, std::span<const int32_t> groupIds, const GroupAdvantageOptions& options, float* out,
               int64_t& maskedReward) {
  std::vector<double> sums(rows.rows());
  maskedReward = tokenRewardSums(rewards, rows, sums);
  const int64_t unusable = firstUnusableReward(sums);
  if (maskedReward >= 0 || unusable >= 0) return unusable;
  std::vector<double> advantages(sums.size());
  groupAdvantages(sums, groupIds, options, advantages);
  broadcastToSampled(advantages, rows, out);
  return -1;
}

// A thread takes some groups from their rewards to their advantages. Returns as byRows.
int64_t byGroups(const float* rewards, const TokenRows& rows, const RowGroups& groups, const GroupAdvantageOptions& options, float* out,
                 int64_t& maskedReward) {
  const auto none = static_cast<int64_t>(rows.rows());
  std::atomic<bool> onMasked{false};
  std::atomic<int64_t> firstUnusable{none};
  parallelFor(static_cast<int64_t>(groups.count()), 1, [&](int64_t first, int64_t last) {
    std::vector<double> sums(kGroupsAtOnce * groups.largest), advantages(sums.size());
    int64_t unusable = none;
    bool stray = false;
    for (auto group = static_cast<size_t>(first); group < static_cast<size_t>(last); group += kGroupsAtOnce) {
      const size_t end = std::min(group + kGroupsAtOnce, static_cast<size_t>(last));
      const size_t begin = groups.begins[group], n = groups.begins[end] - begin;
      for (size_t i = 0; i < n; ++i) {
        const size_t row = groups.row(begin + i);
        const RewardSum sum = rewardSum(rewards, rows, row);
        sums[i] = sum.sum;
        stray |= sum.onMasked;
        if (!isUsableReward(sum.sum)) unusable = std::min(unusable, static_cast<int64_t>(row));
      }
      if (unusable < none) continue;
      for (size_t g = group; g < end; ++g) {
        const size_t at = groups.begins[g] - begin, count = groups.begins[g + 1] - groups.begins[g];
        advantagesOfGroup({&sums[at], count}, options, {&advantages[at], count});
      }
      for (size_t i = 0; i < n; ++i) {
        const size_t row = groups.row(begin + i);
        const int64_t at = rows.begin(row);
        PARL_DISPATCH(fillSampledRow)(static_cast<float>(advantages[i]), rows.mask.data() + at, rows.length(row), out + at);
      }
    }
    if (stray) onMasked.store(true, std::memory_order_relaxed);
    int64_t before = firstUnusable.load(std::memory_order_relaxed);
    while (unusable < before && !firstUnusable.compare_exchange_weak(before, unusable, std::memory_order_relaxed)) {
    }
  });
  maskedReward = onMasked.load() ? firstMaskedReward(rewards, rows.mask) : -1;
  return firstUnusable.load() == none ? -1 : firstUnusable.load();
}

}  // namespace

TokenAdvantageFault groupTokenAdvantages(const float* rewards, const TokenRows& rows, std::span<const int32_t> groupIds,
                                         const GroupAdvantageOptions& options, float* out) {
  TokenAdvantageFault fault;
  const bool needsAll = options.estimator == AdvantageEstimator::grpo && options.batchDeviation;
  const RowGroups groups(groupIds);
  const auto threads = static_cast<size_t>(threadCount());
  const bool isBusy = groups.count() >= kGroupsPerThread * threads && groups.largest * 2 * threads <= groupIds.size();
  const int64_t unusable = isBusy && !needsAll ? byGroups(rewards, rows, groups, options, out, fault.maskedReward)
                                               : byRows(rewards, rows, groupIds, options, out, fault.maskedReward);
  if (fault.maskedReward < 0 && unusable >= 0) {
    fault.unusableReward = unusable;
    fault.sum = rewardSum(rewards, rows, static_cast<size_t>(unusable)).sum;
  }
  return fault;
}

}  // namespace parl
