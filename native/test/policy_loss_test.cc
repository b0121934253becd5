#include "core/policy_loss.h"

#include <cmath>
#include <limits>
#include <vector>

#include "check.h"
#include "core/thread_pool.h"

using parl::KlEstimator;
using parl::PolicyLossOptions;
using parl::PolicyObjective;
using parl::PolicyRowStatistics;
using parl::RatioLevel;
using parl::TokenRows;

namespace {

const float kNan = std::numeric_limits<float>::quiet_NaN();

struct Result {
  std::vector<float> gradient;
  std::vector<PolicyRowStatistics> rows;
  double loss = 0;
};

struct Batch {
  std::vector<float> logprobs, oldLogprobs, advantages;
  std::vector<uint8_t> mask;
  std::vector<int32_t> offsets;
  std::vector<float> weights = {}, reference = {}, klWeights = {};

  Result run(const PolicyLossOptions& options, double rowWeight = 1) const {
    Result result{std::vector<float>(logprobs.size(), 99), std::vector<PolicyRowStatistics>(offsets.size() - 1)};
    const std::vector<double> rowWeights(offsets.size() - 1, rowWeight);
    parl::policyLoss({logprobs.data(), oldLogprobs.data(), advantages.data(), mask.data(), weights.empty() ? nullptr : weights.data(),
                      reference.empty() ? nullptr : reference.data(), klWeights.empty() ? nullptr : klWeights.data()},
                     {mask, offsets}, rowWeights, options, result.gradient.data(), result.rows);
    for (const auto& row : result.rows) result.loss += row.loss;
    return result;
  }
};

// Tokens on a grid, away from every bound, with NaN where nothing was sampled.
Batch gridBatch(const std::vector<int32_t>& offsets) {
  const auto n = static_cast<size_t>(offsets.back());
  Batch batch{std::vector<float>(n), std::vector<float>(n), std::vector<float>(n), std::vector<uint8_t>(n), offsets};
  batch.weights.resize(n);
  batch.reference.resize(n);
  for (size_t t = 0; t < n; ++t) {
    const auto i = static_cast<uint32_t>(t);
    batch.mask[t] = i % 7 != 3;
    const bool sampled = batch.mask[t] != 0;
    batch.logprobs[t] = sampled ? std::round(parl::test::mixed(1, i) * 64) / 64 - 1 : kNan;
    batch.oldLogprobs[t] = sampled ? std::round(parl::test::mixed(2, i) * 64) / 64 - 1 : kNan;
    batch.advantages[t] = sampled ? parl::test::mixed(3, i) : kNan;
    batch.weights[t] = sampled ? 1 + 0.5f * parl::test::mixed(4, i) : kNan;
    batch.reference[t] = sampled ? parl::test::mixed(5, i) - 1 : kNan;
  }
  return batch;
}

}  // namespace

TEST(policy_loss_clips_by_the_sign_of_the_advantage) {
  const Batch batch{{std::log(1.5f), std::log(0.5f), kNan, std::log(1.5f)}, {0, 0, kNan, 0}, {1, -1, kNan, -1}, {1, 1, 0, 1}, {0, 4}};
  const auto result = batch.run({.low = 0.8f, .high = 1.28f}, 0.5);
  // -1.28, 0.8 and 1.5, halved; the last is above the bound with A < 0 and keeps its gradient.
  CHECK_NEAR(result.loss, 0.5 * (-1.28 + 0.8 + 1.5), 1e-6);
  CHECK(result.gradient[0] == 0 && result.gradient[1] == 0 && result.gradient[2] == 0);
  CHECK_NEAR(result.gradient[3], 0.75, 1e-6);
  const auto& row = result.rows[0];
  CHECK(row.tokens == 3 && row.clipped == 2 && row.low == 1 && row.high == 1 && row.dual == 0);
  CHECK_NEAR(row.ratio, 3.5, 1e-6);
  CHECK_NEAR(row.largestRatio, 1.5, 1e-6);
  CHECK_NEAR(row.k3, 2 * (0.5 - std::log(1.5)) + (-0.5 - std::log(0.5)), 1e-6);
  const auto dual = batch.run({.low = 0.8f, .high = 1.28f, .dualClip = 1.4f});
  CHECK_NEAR(dual.loss, -1.28 + 0.8 + 1.4, 1e-6);
  CHECK(dual.gradient[3] == 0 && dual.rows[0].dual == 1);
}

TEST(policy_loss_of_the_row_ratio) {
  // Mean of log 2 and 0: ratio sqrt 2, within the bounds; A = 1 for both tokens.
  const Batch batch{{std::log(2.0f), 0}, {0, 0}, {1, 1}, {1, 1}, {0, 2}};
  const float s = std::sqrt(2.0f);
  const auto own = batch.run({.level = RatioLevel::sequenceMean, .low = 0.5f, .high = 2});
  CHECK_NEAR(own.loss, -2 * s, 1e-6);
  CHECK_NEAR(own.gradient[0], -s, 1e-6);
  const auto whole = batch.run({.level = RatioLevel::sequenceMean, .sequenceGradient = true, .low = 0.5f, .high = 2});
  CHECK_NEAR(whole.gradient[1], -s, 1e-6);  // -2 s, shared by two tokens
  const auto product = batch.run({.level = RatioLevel::sequenceSum, .sequenceGradient = true, .low = 0.5f, .high = 3});
  CHECK_NEAR(product.loss, -4, 1e-6);
  CHECK_NEAR(product.gradient[0], -4, 1e-6);
}

TEST(policy_loss_geometric_mean_worked_example) {
  // Log-ratios 1 and -1 with A = 2, clipped above at 0.5: mean -0.25.
  const Batch batch{{0, -2}, {-1, -1}, {2, 2}, {1, 1}, {0, 2}};
  const auto result = batch.run({.objective = PolicyObjective::geometricMean, .low = -0.4f, .high = 0.5f}, 0.5);
  const double value = -2 * std::exp(-0.25);
  CHECK_NEAR(result.loss, value, 1e-6);
  CHECK(result.gradient[0] == 0);
  CHECK_NEAR(result.gradient[1], 0.5 * value, 1e-6);
}

TEST(policy_loss_kl_of_tiny_distances_keeps_its_digits) {
  for (float d : {1e-4f, -3e-3f, 0.1f, 0.6f, -4.0f}) {
    const Batch batch{{d}, {d}, {0}, {1}, {0, 1}, {}, {0}};
    const auto result = batch.run({.kl = {.estimator = KlEstimator::k3, .coefficient = 2}});
    const double x = -static_cast<double>(d), k3 = std::fabs(x) < 0.01 ? x * x / 2 + x * x * x / 6 + x * x * x * x / 24 : std::expm1(x) - x;
    CHECK_NEAR(result.loss, 2 * k3, 1e-6 * k3);
    CHECK_NEAR(result.gradient[0], -2 * std::expm1(x), 2e-6 * std::fabs(std::expm1(x)));
  }
}

TEST(policy_loss_kl_weights_scale_the_kl_of_a_token_alone) {
  Batch batch = gridBatch({0, 5, 29});
  const PolicyLossOptions options{.kl = {.estimator = KlEstimator::k3, .coefficient = 0.5f}}, without{};
  const auto plain = batch.run(without), whole = batch.run(options);
  batch.klWeights.assign(29, kNan);
  for (size_t t = 0; t < 29; ++t) {
    if (batch.mask[t] != 0) batch.klWeights[t] = t % 2 == 0 ? 2 : 0;
  }
  const auto weighted = batch.run(options);
  for (size_t t = 0; t < 29; ++t) {
    const double kl = static_cast<double>(whole.gradient[t]) - static_cast<double>(plain.gradient[t]);
    CHECK_NEAR(weighted.gradient[t], static_cast<double>(plain.gradient[t]) + (t % 2 == 0 ? 2 : 0) * kl, 1e-6);
  }
  CHECK(weighted.rows[1].kl == whole.rows[1].kl && std::isfinite(weighted.loss));
}

TEST(policy_loss_rows_do_not_depend_on_neighbours_or_threads) {
  const std::vector<int32_t> offsets = {0, 0, 1, 9, 40, 41, 200, 463};
  const Batch batch = gridBatch(offsets);
  for (auto objective : {PolicyObjective::clip, PolicyObjective::cispo, PolicyObjective::sapo, PolicyObjective::reinforce,
                         PolicyObjective::quadratic, PolicyObjective::geometricMean}) {
    for (auto level : {RatioLevel::token, RatioLevel::sequenceMean}) {
      PolicyLossOptions options{.objective = objective, .level = level, .sequenceGradient = true, .low = 0.79f, .high = 1.21f};
      options.dualClip = 2;
      options.kl = {.estimator = KlEstimator::k3, .coefficient = 0.1f, .timesRatio = true};
      parl::setThreadCount(1);
      const auto alone = batch.run(options);
      CHECK(std::isfinite(alone.loss));
      parl::setThreadCount(3);
      const auto together = batch.run(options);
      CHECK(alone.gradient == together.gradient && alone.loss == together.loss);
      for (size_t row = 0; row + 1 < offsets.size(); ++row) {
        const auto cut = [&](const auto& values) {
          return std::decay_t<decltype(values)>(values.begin() + offsets[row], values.begin() + offsets[row + 1]);
        };
        const Batch own{cut(batch.logprobs), cut(batch.oldLogprobs), cut(batch.advantages), cut(batch.mask),
                        {0, offsets[row + 1] - offsets[row]}, cut(batch.weights), cut(batch.reference)};
        if (own.logprobs.empty()) continue;
        const auto result = own.run(options);
        CHECK(result.gradient == cut(alone.gradient) && result.loss == alone.rows[row].loss);
      }
    }
  }
  parl::setThreadCount(2);
}

TEST(policy_loss_shows_a_sampled_nan) {
  for (auto objective : {PolicyObjective::clip, PolicyObjective::cispo, PolicyObjective::sapo, PolicyObjective::reinforce,
                         PolicyObjective::quadratic, PolicyObjective::geometricMean}) {
    for (auto level : {RatioLevel::token, RatioLevel::sequenceMean}) {
      if (objective == PolicyObjective::reinforce && level == RatioLevel::sequenceMean) continue;
      const Batch batch{{kNan, 0}, {0, 0}, {1, 1}, {1, 1}, {0, 2}};
      CHECK(!std::isfinite(batch.run({.objective = objective, .level = level, .low = -0.5f, .high = 1.5f}).loss));
    }
  }
}

TEST(sampled_counts_of_rows) {
  std::vector<uint8_t> mask(100);
  for (size_t t = 0; t < mask.size(); ++t) mask[t] = t % 3 == 0 ? 0 : 255;
  std::vector<int32_t> counts(3);
  parl::sampledCounts({mask, std::vector<int32_t>{0, 0, 1, 100}}, counts);
  CHECK((counts == std::vector<int32_t>{0, 0, 66}));
}
