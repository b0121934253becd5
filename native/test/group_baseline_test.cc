#include "core/group_baseline.h"

#include <cmath>
#include <limits>
#include <vector>

#include "check.h"
#include "core/group_advantage.h"
#include "core/reward_parts.h"

TEST(length_baseline_worked_example) {
  // Lengths 1 and 3, rewards 4 and 0: baseline 4 / 4 = 1. A group of one, and one of equal rewards, give 0.
  const std::vector<double> rewards = {4, 0, 9, 0.35, 0.35}, lengths = {1, 3, 5, 7, 1};
  const std::vector<int32_t> groups = {0, 0, 1, 2, 2};
  std::vector<double> out(5);
  parl::lengthBaselineAdvantages(rewards, lengths, groups, false, out);
  CHECK((out == std::vector<double>{3, -1, 0, 0, 0}));
  parl::lengthBaselineAdvantages(rewards, lengths, groups, true, out);
  CHECK(out[2] == 9);
  // No sampled token in the group: the plain mean.
  parl::lengthBaselineAdvantages(std::vector<double>{4, 0}, std::vector<double>{0, 0}, std::vector<int32_t>{0, 0}, false,
                                 std::span(out).first(2));
  CHECK(out[0] == 2 && out[1] == -2);
}

TEST(best_of_group_rewards_the_lead) {
  const std::vector<double> rewards = {1, 5, 3, 2, 2, 7};
  const std::vector<int32_t> groups = {0, 0, 0, 1, 1, 2};
  std::vector<double> out(6, 9);
  parl::bestOfGroupAdvantages(rewards, groups, false, 0, out);
  CHECK((out == std::vector<double>{0, 2, 0, 0, 0, 0}));
  parl::bestOfGroupAdvantages(rewards, groups, true, 1, out);
  CHECK_NEAR(out[1], 2.0 / 3, 1e-15);  // deviation of 1, 5, 3 is 2
}

TEST(group_advantage_options) {
  const std::vector<double> rewards = {1, 3, 10};
  const std::vector<int32_t> groups = {0, 0, 1};
  std::vector<double> out(3);
  parl::GroupAdvantageOptions options{.epsilon = 0.5, .populationDeviation = true, .keepSingletons = true};
  parl::groupAdvantages(rewards, groups, options, out);
  CHECK_NEAR(out[0], -1 / 1.5, 1e-15);
  CHECK_NEAR(out[2], 10 / 1.5, 1e-15);
  // Deviation of the batch: mean 14/3, squares 121/9 + 25/9 + 256/9 = 402/9.
  options = {.epsilon = 0, .batchDeviation = true};
  parl::groupAdvantages(rewards, groups, options, out);
  CHECK_NEAR(out[1], 1 / std::sqrt(402.0 / 9 / 2), 1e-15);
  CHECK(out[2] == 0);
}

TEST(parts_that_are_missing_enter_no_statistic) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  // Part 0 of rows 0, 1: 1 and 3; of row 2 missing. Part 1 is flat. Row 3 has none.
  const std::vector<double> parts = {1, 2, 3, 2, nan, 2, nan, nan};
  const std::vector<int32_t> groups = {0, 0, 0, 0};
  std::vector<double> out(4), rows(4);
  parl::partAdvantages(parts, std::vector<double>{2, 1}, groups, {parl::AdvantageEstimator::drGrpo, 0}, out);
  CHECK(out[0] == -2 && out[1] == 2 && out[2] == 0 && std::isnan(out[3]));
  parl::standardize(out, 0, rows);
  CHECK((rows == std::vector<double>{-1, 1, 0, 0}));
}
