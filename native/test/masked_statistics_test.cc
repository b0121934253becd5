#include "core/masked_statistics.h"

#include <cmath>
#include <limits>
#include <vector>

#include "check.h"
#include "core/thread_pool.h"

namespace {

const float kNan = std::numeric_limits<float>::quiet_NaN();

std::vector<float> whitened(const std::vector<float>& values, const std::vector<uint8_t>& mask, const parl::WhitenOptions& options) {
  std::vector<float> out(values.size(), 99);
  CHECK(parl::whiten(values.data(), mask.data(), static_cast<int64_t>(values.size()), options, out.data()));
  return out;
}

}  // namespace

TEST(masked_sums_ignore_what_stands_outside) {
  const std::vector<float> values = {1, kNan, 2, 4, -8};
  const std::vector<uint8_t> mask = {1, 0, 1, 0, 1};
  const auto sums = parl::maskedSums(values.data(), mask.data(), 5);
  CHECK(sums.sum == -5 && sums.count == 3 && sums.smallest == -8 && sums.largest == 2);
  // About the mean -5/3: (8/3)^2 + (11/3)^2 + (19/3)^2 = 546/9.
  CHECK_NEAR(parl::maskedSquares(values.data(), mask.data(), 5, -5.0 / 3), 546.0 / 9, 1e-13);
  CHECK(parl::maskedSums(values.data(), mask.data(), 0).count == 0);
}

TEST(whiten_worked_example) {
  // 1, 2, 6: mean 3, sample variance 7, population variance 14/3.
  const std::vector<float> values = {1, kNan, 2, 6};
  const std::vector<uint8_t> mask = {1, 0, 1, 1};
  const auto sample = whitened(values, mask, {0, true, true});
  CHECK_NEAR(sample[0], -2 / std::sqrt(7.0), 1e-7);
  CHECK(sample[1] == 0);
  CHECK_NEAR(sample[3], 3 / std::sqrt(7.0), 1e-7);
  const auto population = whitened(values, mask, {1, false, true});
  CHECK_NEAR(population[3], 3 / std::sqrt(14.0 / 3 + 1), 1e-7);
  const auto kept = whitened(values, mask, {0, true, false});
  CHECK_NEAR(kept[3], 3 / std::sqrt(7.0) + 3, 1e-6);
}

TEST(whiten_equal_values_give_exact_zeros) {
  for (size_t n : {size_t{1}, size_t{7}, size_t{8}, size_t{100}}) {
    const std::vector<float> values(n, 0.35f);
    const std::vector<uint8_t> mask(n, 1);
    for (float x : whitened(values, mask, {1e-8, true, true})) CHECK(x == 0);
    for (float x : whitened(values, mask, {1e-8, true, false})) CHECK(x == 0.35f);
  }
}

TEST(whiten_reports_a_sampled_value_that_is_not_finite) {
  const std::vector<float> values = {1, kNan, 3};
  std::vector<float> out(3);
  const std::vector<uint8_t> without = {1, 0, 1}, with = {1, 1, 1};
  CHECK(parl::whiten(values.data(), without.data(), 3, {1e-8, true, true}, out.data()));
  CHECK(!parl::whiten(values.data(), with.data(), 3, {1e-8, true, true}, out.data()));
}

TEST(whiten_far_from_zero_keeps_its_precision) {
  // A float32 mean of numbers near 1e6 is off by percents of their spread; ours is accumulated in double.
  const size_t n = 40000;
  std::vector<float> values(n);
  double sum = 0;
  for (size_t i = 0; i < n; ++i) {
    values[i] = 1e6f + static_cast<float>(i % 7);
    sum += static_cast<double>(i % 7);
  }
  const double mean = sum / static_cast<double>(n);
  double squares = 0;
  for (size_t i = 0; i < n; ++i) squares += std::pow(static_cast<double>(i % 7) - mean, 2);
  const auto out = whitened(values, std::vector<uint8_t>(n, 1), {0, true, true});
  const double scale = 1 / std::sqrt(squares / static_cast<double>(n - 1));
  for (size_t i = 0; i < 14; ++i) CHECK_NEAR(out[i], (static_cast<double>(i % 7) - mean) * scale, 1e-6);
}

TEST(whiten_same_bits_on_any_threads) {
  const auto values = parl::test::mixedFloats(3, 50001);
  std::vector<uint8_t> mask(values.size());
  for (size_t i = 0; i < mask.size(); ++i) mask[i] = i % 3 != 0;
  parl::setThreadCount(1);
  const auto alone = whitened(values, mask, {1e-8, true, true});
  parl::setThreadCount(5);
  CHECK(whitened(values, mask, {1e-8, true, true}) == alone);
  parl::setThreadCount(2);
}
