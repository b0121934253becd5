#include "core/token_baseline.h"

#include <cmath>
#include <limits>
#include <vector>

#include "check.h"

namespace {

const float kNan = std::numeric_limits<float>::quiet_NaN();

struct Result {
  parl::CreditStatus status;
  std::vector<float> advantages, returns;
};

// Two rows of one group: returns 1, 1 (an observation between) and 3, 3, 2.
struct Batch {
  std::vector<float> rewards = {0, 0, 1, 0, 1, 2};
  std::vector<float> logprobs = {std::log(0.5f), kNan, std::log(0.25f), std::log(0.5f), std::log(0.5f), std::log(0.5f)};
  std::vector<float> squares = {0.5f, kNan, 0.5f, 0.5f, 0.5f, 0.5f};
  std::vector<uint8_t> mask = {1, 0, 1, 1, 1, 1};
  std::vector<int32_t> offsets = {0, 3, 6}, groups = {7, 7};

  Result run(const parl::TokenBaselineOptions& options = {}, const float* corrections = nullptr) const {
    Result result{{}, std::vector<float>(6, 9), std::vector<float>(6, 9)};
    result.status = parl::tokenBaselineAdvantages(rewards.data(), logprobs.data(), squares.data(), corrections, {mask, offsets}, groups,
                                                  options, result.advantages.data(), result.returns.data());
    return result;
  }
};

}  // namespace

TEST(token_baseline_worked_example) {
  const auto [status, advantages, returns] = Batch{}.run();
  CHECK(status.fault == parl::CreditFault::none);
  CHECK((returns == std::vector<float>{1, 0, 1, 3, 3, 2}));
  // Scores: 0.5, then 1 in row 0; 0.5 each in row 1. Weights 0.5, 1.5 and 0.5, 1, 1.5.
  const double first = (1 * 0.5 + 3 * 0.5) / 1, second = (1 * 1.5 + 3 * 1) / 2.5;
  CHECK_NEAR(advantages[0], 1 - first, 1e-6);
  CHECK_NEAR(advantages[3], 3 - first, 1e-6);
  CHECK_NEAR(advantages[2], 1 - second, 1e-6);
  CHECK_NEAR(advantages[4], 3 - second, 1e-6);
  CHECK(advantages[1] == 0 && advantages[5] == 0);  // nobody else has a third sampled token
}

TEST(token_baseline_of_tails_and_groups_of_one) {
  CHECK(Batch{}.run({.keepTail = true}).advantages[5] == 2);
  Batch apart;
  apart.groups = {1, 2};
  CHECK((apart.run().advantages == std::vector<float>(6, 0)));
  CHECK((apart.run({.keepSingletons = true}).advantages == std::vector<float>{1, 0, 1, 3, 3, 2}));
}

TEST(token_baseline_weighs_by_the_square_of_the_correction) {
  const std::vector<float> corrections = {2, kNan, 2, 1, 1, 1};
  const double first = (1 * 2 + 3 * 0.5) / 2.5;
  CHECK_NEAR(Batch{}.run({}, corrections.data()).advantages[0], 1 - first, 1e-6);
}

TEST(token_baseline_names_what_it_cannot_use) {
  Batch stray;
  stray.rewards[1] = 1;
  CHECK(stray.run().status.fault == parl::CreditFault::maskedReward && stray.run().status.index == 1);
  Batch broken;
  broken.logprobs[3] = kNan;
  CHECK(broken.run().status.fault == parl::CreditFault::notFinite && broken.run().status.index == 3);
}
