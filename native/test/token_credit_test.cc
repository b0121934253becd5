#include "core/token_credit.h"

#include <limits>
#include <vector>

#include "check.h"
#include "core/thread_pool.h"
#include "core/turn_credit.h"

using parl::CreditFault;
using parl::TokenRows;

TEST(returns_cross_observations_without_decay) {
  // Sampled, sampled, observation, sampled | nothing sampled | sampled.
  const std::vector<uint8_t> mask = {1, 1, 0, 1, 0, 0, 1};
  const std::vector<int32_t> offsets = {0, 4, 6, 7};
  const std::vector<float> rewards = {0, 1, 0, 8, 0, 0, 3};
  std::vector<float> out(7, 99);
  CHECK(parl::discountedReturns(rewards.data(), {mask, offsets}, 0.5, out.data()).fault == CreditFault::none);
  // 8; 1 + 8/2; (1 + 4)/2.
  CHECK((out == std::vector<float>{2.5f, 5, 0, 8, 0, 0, 3}));
}

TEST(advantages_bootstrap_from_the_next_sampled_token) {
  const std::vector<uint8_t> mask = {1, 0, 1};
  const std::vector<int32_t> offsets = {0, 3};
  const std::vector<float> rewards = {0, 0, 2}, values = {0.5f, std::numeric_limits<float>::quiet_NaN(), 1};
  std::vector<float> advantages(3), returns(3);
  const auto status = parl::generalizedAdvantages(rewards.data(), values.data(), {mask, offsets}, 0.5, 0.5, advantages.data(),
                                                  returns.data());
  CHECK(status.fault == CreditFault::none);
  // delta[2] = 2 - 1; delta[0] = 0.5 * 1 - 0.5 = 0; A[0] = 0 + 0.25 * 1.
  CHECK((advantages == std::vector<float>{0.25f, 0, 1}));
  CHECK((returns == std::vector<float>{0.75f, 0, 2}));
}

TEST(credit_names_a_reward_outside_the_mask_and_what_is_not_finite) {
  const std::vector<uint8_t> mask = {1, 0, 1, 1};
  const std::vector<int32_t> offsets = {0, 2, 4};
  std::vector<float> out(4), more(4);
  std::vector<float> rewards = {0, 1, 0, 0};
  auto status = parl::discountedReturns(rewards.data(), {mask, offsets}, 1, out.data());
  CHECK(status.fault == CreditFault::maskedReward && status.index == 1);
  const std::vector<float> values = {0, 0, 0, std::numeric_limits<float>::infinity()};
  rewards[1] = 0;
  status = parl::generalizedAdvantages(rewards.data(), values.data(), {mask, offsets}, 0, 0, out.data(), more.data());
  CHECK(status.fault == CreditFault::notFinite && status.index == 3);
  rewards[2] = std::numeric_limits<float>::quiet_NaN();
  status = parl::discountedReturns(rewards.data(), {mask, offsets}, 0, out.data());
  CHECK(status.fault == CreditFault::notFinite && status.index == 2);
}

TEST(advantages_are_those_of_each_row_alone_on_any_threads) {
  // Ragged rows, so that groups of four rows end at different times; each is compared with itself alone.
  std::vector<int32_t> offsets = {0};
  for (int32_t row = 0; row < 61; ++row) offsets.push_back(offsets.back() + (row * 37) % 301);
  const auto n = static_cast<size_t>(offsets.back());
  const auto values = parl::test::mixedFloats(1, n);
  std::vector<float> rewards = parl::test::mixedFloats(2, n);
  std::vector<uint8_t> mask(n);
  for (size_t t = 0; t < n; ++t) {
    mask[t] = t % 5 < 3;
    if (mask[t] == 0) rewards[t] = 0;
  }
  for (int threads : {1, 5}) {
    parl::setThreadCount(threads);
    std::vector<float> advantages(n), returns(n);
    parl::generalizedAdvantages(rewards.data(), values.data(), {mask, offsets}, 0.99, 0.95, advantages.data(), returns.data());
    for (size_t row = 0; row + 1 < offsets.size(); ++row) {
      const auto begin = static_cast<size_t>(offsets[row]), length = static_cast<size_t>(offsets[row + 1]) - begin;
      std::vector<float> a(length), r(length);
      const std::vector<uint8_t> own(mask.begin() + offsets[row], mask.begin() + offsets[row + 1]);
      const std::vector<int32_t> bounds = {0, static_cast<int32_t>(length)};
      parl::generalizedAdvantages(rewards.data() + begin, values.data() + begin, {own, bounds}, 0.99, 0.95, a.data(), r.data());
      for (size_t t = 0; t < length; ++t) CHECK(a[t] == advantages[begin + t] && r[t] == returns[begin + t]);
    }
  }
  parl::setThreadCount(2);
}

TEST(advantages_of_rows_of_any_length_follow_the_recurrence) {
  // More rows than a vector has lanes, of lengths around its width and the block of steps, and empty ones.
  std::vector<int32_t> offsets{0};
  for (int32_t length : {0, 1, 7, 8, 9, 63, 64, 65, 130, 0, 200, 15, 16, 17, 33, 128, 5, 64, 1}) offsets.push_back(offsets.back() + length);
  const auto tokens = static_cast<size_t>(offsets.back());
  auto rewards = parl::test::mixedFloats(1, tokens);
  const auto values = parl::test::mixedFloats(2, tokens);
  std::vector<uint8_t> mask(tokens);
  for (size_t t = 0; t < tokens; ++t) {
    mask[t] = t * 2654435761u % 7 < 4;
    if (mask[t] == 0) rewards[t] = 0;
  }
  std::vector<float> advantages(tokens, -1), returns(tokens, -1);
  const double gamma = 0.9, lambda = 0.8;
  parl::generalizedAdvantages(rewards.data(), values.data(), {mask, offsets}, gamma, lambda, advantages.data(), returns.data());
  for (size_t row = 0; row + 1 < offsets.size(); ++row) {
    double next = 0, carry = 0;
    for (int32_t t = offsets[row + 1] - 1; t >= offsets[row]; --t) {
      const auto i = static_cast<size_t>(t);
      if (mask[i] != 0) {
        carry = (static_cast<double>(rewards[i]) + gamma * next - static_cast<double>(values[i])) + gamma * lambda * carry;
        next = static_cast<double>(values[i]);
      }
      CHECK(advantages[i] == (mask[i] != 0 ? static_cast<float>(carry) : 0.0f));
      CHECK(returns[i] == (mask[i] != 0 ? static_cast<float>(carry + next) : 0.0f));
    }
  }
}

TEST(token_rewards_add_up_and_broadcast) {
  const std::vector<int32_t> offsets = {0, 19, 19, 23};
  const std::vector<uint8_t> mask = {1, 1, 1, 0, 1, 1, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 1, 1, 0, 1, 1, 1};
  std::vector<float> rewards(23, 0);
  rewards[2] = 1.5f, rewards[18] = -0.25f, rewards[22] = 3;
  std::vector<double> sums(3, 9);
  CHECK(parl::tokenRewardSums(rewards.data(), {mask, offsets}, sums) == -1);
  CHECK((sums == std::vector<double>{1.25, 0, 3}));
  rewards[16] = 1;
  CHECK(parl::tokenRewardSums(rewards.data(), {mask, offsets}, sums) == 16);
  std::vector<float> out(23, 9);
  parl::broadcastToSampled(std::vector<double>{0.1, 5, -2}, {mask, offsets}, out.data());
  for (size_t t = 0; t < 23; ++t) CHECK(out[t] == (mask[t] == 0 ? 0 : t < 19 ? 0.1f : -2));
}

TEST(two_segments_split_at_the_first_tool_result) {
  const std::vector<uint8_t> mask = {1, 1, 0, 1, 1, 1};
  const std::vector<int32_t> offsets = {0, 4, 6}, boundary = {2, 2};
  std::vector<float> out(6, 9);
  parl::twoSegmentAdvantages(std::vector<double>{1, -1}, std::vector<double>{0.5, 2}, boundary, {mask, offsets}, 2, out.data());
  CHECK((out == std::vector<float>{2, 2, 0, 1, 3, 3}));
}

TEST(step_groups_worked_example) {
  // Two trajectories of one group, two steps and one step; the first steps share an anchor.
  const std::vector<double> episodes = {1, 0}, steps = {0, 2, 4};
  const std::vector<int32_t> groups = {7, 7}, offsets = {0, 2, 3};
  const std::vector<uint64_t> anchors = {11, 12, 11};
  std::vector<double> out(3, 9);
  parl::stepGroupAdvantages(episodes, groups, offsets, steps, anchors, {0.5, 2, 0, false, false}, out);
  // Episodes: +-0.5. Step values: 0 + 0.5 * 2 = 1, 2, 4; the cluster {1, 4} has mean 2.5, the cluster {2} gives 0.
  CHECK((out == std::vector<double>{0.5 - 3, 0.5, -0.5 + 3}));
  parl::stepGroupAdvantages(episodes, groups, offsets, steps, anchors, {0.5, 0, 0, false, true}, out);
  // Averaged over steps the mean is 2/3.
  CHECK_NEAR(out[0], 1.0 / 3, 1e-15);
  CHECK_NEAR(out[2], -2.0 / 3, 1e-15);
}
