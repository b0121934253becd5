#include "core/group_advantage.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "check.h"

using parl::AdvantageEstimator;

static std::vector<double> advantages(const std::vector<double>& rewards, const std::vector<int32_t>& groups,
                                      AdvantageEstimator estimator, double epsilon = 0) {
  std::vector<double> out(rewards.size(), 99);
  parl::groupAdvantages(rewards, groups, {estimator, epsilon}, out);
  return out;
}

TEST(group_advantage_worked_example) {
  // Group 5 holds 1, 2, 6: mean 3, deviations -2, -1, 3, sample variance 14 / 2 = 7. Group -1 holds 4 alone.
  const std::vector<double> rewards = {1, 4, 2, 6};
  const std::vector<int32_t> groups = {5, -1, 5, 5};
  const auto dr = advantages(rewards, groups, AdvantageEstimator::drGrpo);
  CHECK((dr == std::vector<double>{-2, 0, -1, 3}));
  const auto rloo = advantages(rewards, groups, AdvantageEstimator::rloo);
  CHECK((rloo == std::vector<double>{-3, 0, -1.5, 4.5}));
  const auto grpo = advantages(rewards, groups, AdvantageEstimator::grpo, 1e-6);
  CHECK_NEAR(grpo[0], -2 / (std::sqrt(7.0) + 1e-6), 1e-15);
  CHECK(grpo[1] == 0);
  CHECK_NEAR(grpo[3], 3 / (std::sqrt(7.0) + 1e-6), 1e-15);
}

TEST(group_advantage_equal_rewards_give_exact_zeros) {
  for (double value : {0.35, -1e290, 5e-324, 0.1}) {
    for (size_t n : {1, 2, 7, 8}) {
      for (auto estimator : {AdvantageEstimator::grpo, AdvantageEstimator::drGrpo, AdvantageEstimator::rloo}) {
        for (double a : advantages(std::vector<double>(n, value), std::vector<int32_t>(n, 3), estimator)) CHECK(a == 0);
      }
    }
  }
}

TEST(group_advantage_scale_does_not_matter_without_epsilon) {
  const double scales[] = {1e-300, 1e-160, 1, 1e160, 1e289};
  for (double scale : scales) {
    const auto grpo = advantages({scale, 2 * scale, 6 * scale}, {0, 0, 0}, AdvantageEstimator::grpo);
    CHECK_NEAR(grpo[2], 3 / std::sqrt(7.0), 1e-14);
  }
}

TEST(group_advantage_permuting_rows_permutes_bits) {
  const size_t n = 41;
  std::vector<double> rewards(n);
  std::vector<int32_t> groups(n);
  for (size_t i = 0; i < n; ++i) {
    rewards[i] = parl::test::mixed(1, static_cast<uint32_t>(i));
    groups[i] = static_cast<int32_t>(i % 3);
  }
  const auto before = advantages(rewards, groups, AdvantageEstimator::grpo, 1e-6);
  std::vector<double> turned(n);
  std::vector<int32_t> turnedGroups(n);
  for (size_t i = 0; i < n; ++i) {
    turned[i] = rewards[i * 17 % n];
    turnedGroups[i] = groups[i * 17 % n];
  }
  const auto after = advantages(turned, turnedGroups, AdvantageEstimator::grpo, 1e-6);
  for (size_t i = 0; i < n; ++i) CHECK(after[i] == before[i * 17 % n]);
}

TEST(group_advantage_names_the_first_unusable_reward) {
  const double nan = std::numeric_limits<double>::quiet_NaN(), inf = std::numeric_limits<double>::infinity();
  CHECK(parl::firstUnusableReward(std::vector<double>{1, -1e290, 1e290}) == -1);
  CHECK(parl::firstUnusableReward(std::vector<double>{1, nan, inf}) == 1);
  CHECK(parl::firstUnusableReward(std::vector<double>{1, 2, -inf}) == 2);
  CHECK(parl::firstUnusableReward(std::vector<double>{1.1e290}) == 0);
}

TEST(broadcast_to_tokens_fills_segments) {
  std::vector<float> out(5, -1);
  parl::broadcastToTokens(std::vector<double>{1.5, 9, 0.1}, std::vector<int32_t>{0, 2, 2, 5}, out);
  CHECK((out == std::vector<float>{1.5f, 1.5f, 0.1f, 0.1f, 0.1f}));
  CHECK(parl::offsetsAscend(std::vector<int32_t>{0}));
  CHECK(!parl::offsetsAscend(std::vector<int32_t>{}));
  CHECK(!parl::offsetsAscend(std::vector<int32_t>{1, 2}));
  CHECK(!parl::offsetsAscend(std::vector<int32_t>{0, 3, 2}));
}
