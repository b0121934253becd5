#include "core/group_token_advantage.h"

#include <algorithm>
#include <atomic>
#include <numeric>
#include <vector>

#include "core/token_rewards.h"

namespace parl {
namespace {

constexpr int64_t kGroupsPerThread = 4;  // fewer would not keep threads alike busy

// Rows of groups: rows[begins[g]] .. rows[begins[g + 1]] are group g.
struct RowGroups {
  std::vector<size_t> rows, begins;
  size_t largest = 0;

  explicit RowGroups(std::span<const int32_t> ids) : rows(ids.size()) {
    std::iota(rows.begin(), rows.end(), size_t{0});
    // Rollouts of a group mostly lie together already.
    if (!std::is_sorted(ids.begin(), ids.end())) {
      std::stable_sort(rows.begin(), rows.end(), [ids](size_t a, size_t b) { return ids[a] < ids[b]; });
    }
    for (size_t i = 0; i < rows.size(); ++i) {
      if (i == 0 || ids[rows[i]] != ids[rows[i - 1]]) begins.push_back(i);
      largest = std::max(largest, i + 1 - begins.back());
    }
    begins.push_back(rows.size());
  }
  size_t count() const { return begins.size() - 1; }
};

// Rewards to sums and advantages to tokens on all rows at once.
void byRows(const float* rewards, const TokenRows& rows, std::span<const int32_t> groupIds, const GroupAdvantageOptions& options, float* out,
            std::vector<double>& sums, TokenAdvantageFault& fault) {
  fault.maskedReward = tokenRewardSums(rewards, rows, sums);
  if (fault.maskedReward >= 0 || firstUnusableReward(sums) >= 0) return;
  std::vector<double> advantages(sums.size());
  groupAdvantages(sums, groupIds, options, advantages);
  broadcastToSampled(advantages, rows, out);
}

}  // namespace

TokenAdvantageFault groupTokenAdvantages(const float* rewards, const TokenRows& rows, std::span<const int32_t> groupIds,
                                         const GroupAdvantageOptions& options, float* out) {
  TokenAdvantageFault fault;
  std::vector<double> sums(rows.rows());
  const bool needsAll = options.estimator == AdvantageEstimator::grpo && options.batchDeviation;
  const RowGroups groups(groupIds);
  const auto count = static_cast<int64_t>(groups.count());
  if (needsAll || count < kGroupsPerThread * threadCount() || groups.largest * 2 * static_cast<size_t>(threadCount()) > groups.rows.size()) {
    byRows(rewards, rows, groupIds, options, out, sums, fault);
  } else {
    std::atomic<bool> onMasked{false};
    parallelFor(count, 1, [&](int64_t first, int64_t last) {
      std::vector<double> own(groups.largest), advantages(groups.largest);
      for (int64_t group = first; group < last; ++group) {
        const size_t begin = groups.begins[static_cast<size_t>(group)], n = groups.begins[static_cast<size_t>(group) + 1] - begin;
        const std::span<const size_t> members(&groups.rows[begin], n);
        for (size_t i = 0; i < n; ++i) {
          const int64_t at = rows.begin(members[i]);
          const RewardSum result = PARL_DISPATCH(rewardSumRow)(rewards + at, rows.mask.data() + at, rows.length(members[i]));
          own[i] = sums[members[i]] = result.sum;
          if (result.onMasked) onMasked.store(true, std::memory_order_relaxed);
        }
        if (firstUnusableReward({own.data(), n}) >= 0) continue;
        advantagesOfGroup({own.data(), n}, options, {advantages.data(), n});
        for (size_t i = 0; i < n; ++i) {
          const int64_t at = rows.begin(members[i]);
          PARL_DISPATCH(fillSampledRow)(static_cast<float>(advantages[i]), rows.mask.data() + at, rows.length(members[i]), out + at);
        }
      }
    });
    if (onMasked.load()) fault.maskedReward = firstMaskedReward(rewards, rows.mask);
  }
  if (fault.maskedReward < 0) fault.unusableReward = firstUnusableReward(sums);
  if (fault.unusableReward >= 0) fault.sum = sums[static_cast<size_t>(fault.unusableReward)];
  return fault;
}

}  // namespace parl
