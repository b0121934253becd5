#include "core/importance.h"

#include <cmath>
#include <limits>
#include <vector>

#include "check.h"

using parl::ImportanceBound;
using parl::ImportanceLevel;

namespace {

const std::vector<uint8_t> kMask = {1, 1, 0, 1};
const std::vector<int32_t> kOffsets = {0, 3, 4};
// Ratios 2, 4 and 1/2.
const std::vector<float> kLogprobs = {std::log(2.0f), std::log(4.0f), 0, std::log(0.5f)};
const std::vector<float> kRollout = {0, 0, std::numeric_limits<float>::quiet_NaN(), 0};

std::vector<float> weights(const parl::ImportanceOptions& options, double* divisor = nullptr) {
  std::vector<float> out(4, 9);
  const double by = parl::importanceWeights(kLogprobs.data(), kRollout.data(), {kMask, kOffsets}, options, out.data());
  if (divisor != nullptr) *divisor = by;
  return out;
}

}  // namespace

TEST(importance_weights_truncate_and_mask) {
  const auto truncated = weights({.high = 3});
  CHECK_NEAR(truncated[0], 2, 1e-6);
  CHECK(truncated[1] == 3 && truncated[2] == 0);
  CHECK_NEAR(truncated[3], 0.5, 1e-6);
  const auto masked = weights({.bound = ImportanceBound::mask, .low = 0.6, .high = 3});
  CHECK(masked[1] == 0 && masked[3] == 0);
  const auto rows = weights({.level = ImportanceLevel::sequence, .high = 100});
  CHECK_NEAR(rows[0], 8, 1e-5);
  CHECK(rows[0] == rows[1] && rows[2] == 0);
}

TEST(importance_weights_normalise_over_tokens_or_rows) {
  double divisor = 0;
  const auto tokens = weights({.high = 3, .normalize = true}, &divisor);
  CHECK_NEAR(divisor, 5.5 / 3, 1e-6);
  CHECK_NEAR(tokens[1], 3 / divisor, 1e-6);
  weights({.level = ImportanceLevel::sequence, .high = 100, .normalize = true}, &divisor);
  CHECK_NEAR(divisor, 8.5 / 2, 1e-5);
}

TEST(rejection_keeps_what_is_within_the_bounds_of_the_ratio) {
  std::vector<uint8_t> keep(4, 9);
  std::vector<float> values(4);
  using parl::MismatchExtent;
  using parl::MismatchStatistic;
  parl::rejectionMask(kLogprobs.data(), kRollout.data(), {kMask, kOffsets}, {MismatchStatistic::k1, MismatchExtent::token, 0.4, 3}, keep.data(), values.data());
  CHECK((keep == std::vector<uint8_t>{1, 0, 0, 1}));
  parl::rejectionMask(kLogprobs.data(), kRollout.data(), {kMask, kOffsets}, {MismatchStatistic::k2, MismatchExtent::largest, 0, 0.5}, keep.data(), values.data());
  CHECK((keep == std::vector<uint8_t>{0, 0, 0, 1}));
  CHECK_NEAR(values[0], std::pow(std::log(4.0), 2) / 2, 1e-6);
}

TEST(high_entropy_is_at_or_above_the_quantile) {
  const std::vector<float> entropies = {1, 4, 9, 2, 3};
  const std::vector<uint8_t> mask = {1, 1, 0, 1, 1};
  std::vector<uint8_t> keep(5);
  parl::highEntropyMask(entropies.data(), mask, 0.5, keep.data());  // between 2 and 3
  CHECK((keep == std::vector<uint8_t>{0, 1, 0, 0, 1}));
  parl::highEntropyMask(entropies.data(), mask, 0, keep.data());
  CHECK((keep == mask));
  parl::highEntropyMask(entropies.data(), mask, 1, keep.data());
  CHECK((keep == std::vector<uint8_t>{0, 1, 0, 0, 0}));
}

TEST(off_policy_rows_lose_their_bad_tokens) {
  const std::vector<float> advantages = {-1, 1, -1, -1}, sampling = {std::log(8.0f), std::numeric_limits<float>::quiet_NaN(), 0, 0};
  std::vector<uint8_t> keep(4);
  // Row 0: (log 4 + 0) / 2 = 0.69; row 1: log 2 = 0.69.
  parl::offPolicyMask(kLogprobs.data(), sampling.data(), advantages.data(), {kMask, kOffsets}, 0.6, keep.data());
  CHECK((keep == std::vector<uint8_t>{0, 1, 0, 0}));
  parl::offPolicyMask(kLogprobs.data(), sampling.data(), advantages.data(), {kMask, kOffsets}, 0.7, keep.data());
  CHECK((keep == std::vector<uint8_t>{1, 1, 0, 1}));
}

TEST(gamma_weights_are_1_at_ratio_1) {
  const std::vector<float> same(4, -1), advantages = {1, -1, 0, -1};
  std::vector<float> out(4);
  parl::gammaWeights(same.data(), same.data(), advantages.data(), nullptr, {kMask, kOffsets}, {}, out.data());
  CHECK((out == std::vector<float>{1, 1, 0, 1}));
  // w = 8 in row 0: e^(3 + 2 log 8 - 24) and e^(2 + 3 log 8 - 16).
  parl::gammaWeights(kLogprobs.data(), std::vector<float>(4, 0).data(), advantages.data(), nullptr, {kMask, kOffsets}, {}, out.data());
  CHECK_NEAR(out[0], 64 * std::exp(-21.0), 1e-12);
  CHECK_NEAR(out[1], 512 * std::exp(-14.0), 1e-9);
}
