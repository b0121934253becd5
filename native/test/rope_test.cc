#include "core/rope.h"

#include <cmath>
#include <cstring>
#include <vector>

#include "check.h"
#include "core/thread_pool.h"

TEST(rope_rotates_pairs_of_the_two_halves) {
  const double theta = 10000;
  for (int64_t headDim : {2, 8, 20, 64, 128}) {
    const int64_t n = 6, heads = 3, half = headDim / 2;
    const std::vector<int32_t> positions = {0, 1, 2, 300, 1000, 70000};  // the last one is beyond the table
    const auto x = parl::test::mixedFloats(1, static_cast<size_t>(n * heads * headDim));
    std::vector<float> out(x.size());
    parl::ropeApply(x.data(), positions.data(), out.data(), n, heads, headDim, {.theta = theta}, false);
    for (int64_t i = 0; i < n; ++i) {
      for (int64_t h = 0; h < heads; ++h) {
        for (int64_t j = 0; j < half; ++j) {
          const size_t at = static_cast<size_t>((i * heads + h) * headDim + j);
          const double angle = positions[static_cast<size_t>(i)] * std::pow(theta, -2.0 * static_cast<double>(j) / static_cast<double>(headDim));
          const double x1 = x[at], x2 = x[at + static_cast<size_t>(half)];
          // The angle is a product of two floats, each within half an ULP: 2^-23 of it in all. The rotation rounds a few times.
          const double tolerance = 1.2e-7 * angle + 3e-7;
          CHECK_NEAR(out[at], x1 * std::cos(angle) - x2 * std::sin(angle), tolerance);
          CHECK_NEAR(out[at + static_cast<size_t>(half)], x2 * std::cos(angle) + x1 * std::sin(angle), tolerance);
        }
      }
    }
  }
}

TEST(rope_inverse_undoes_and_threads_change_nothing) {
  const int64_t n = 2000, heads = 2, headDim = 32;
  std::vector<int32_t> positions(static_cast<size_t>(n));
  for (int64_t i = 0; i < n; ++i) positions[static_cast<size_t>(i)] = static_cast<int32_t>(i % 700);
  const auto x = parl::test::mixedFloats(1, static_cast<size_t>(n * heads * headDim));
  std::vector<float> first;
  for (int threads : {1, 2, 3}) {
    parl::setThreadCount(threads);
    std::vector<float> out = x;  // in place
    parl::ropeApply(out.data(), positions.data(), out.data(), n, heads, headDim, {.theta = 1e6}, false);
    if (first.empty()) first = out;
    CHECK(out == first);
    parl::ropeApply(out.data(), positions.data(), out.data(), n, heads, headDim, {.theta = 1e6}, true);
    for (size_t i = 0; i < x.size(); ++i) CHECK_NEAR(out[i], x[i], 6e-7);  // c^2 + s^2 = 1 within a few ULP
  }
  parl::setThreadCount(2);
  std::vector<float> row(static_cast<size_t>(heads * headDim));
  parl::ropeApply(x.data() + 1234 * heads * headDim, positions.data() + 1234, row.data(), 1, heads, headDim, {.theta = 1e6}, false);
  CHECK(std::memcmp(row.data(), first.data() + 1234 * heads * headDim, row.size() * sizeof(float)) == 0);
}

TEST(rope_takes_frequencies_and_a_scale) {
  const int64_t headDim = 6;
  const parl::RopeAngles angles{.frequencies = {0.5f, 0.25f, 2.0f}, .scale = 1.5f};
  const std::vector<int32_t> positions = {0, 3, 70000};
  const auto x = parl::test::mixedFloats(5, static_cast<size_t>(3 * headDim));
  std::vector<float> out(x.size()), back(x.size());
  parl::ropeApply(x.data(), positions.data(), out.data(), 3, 1, headDim, angles, false);
  for (size_t i = 0; i < 3; ++i) {
    for (size_t j = 0; j < 3; ++j) {
      // Products of these positions and frequencies are exact.
      const double angle = positions[i] * static_cast<double>(angles.frequencies[j]);
      const double x1 = x[i * 6 + j], x2 = x[i * 6 + 3 + j];
      CHECK_NEAR(out[i * 6 + j], 1.5 * (x1 * std::cos(angle) - x2 * std::sin(angle)), 5e-7);
      CHECK_NEAR(out[i * 6 + 3 + j], 1.5 * (x2 * std::cos(angle) + x1 * std::sin(angle)), 5e-7);
    }
  }
  parl::ropeApply(out.data(), positions.data(), back.data(), 3, 1, headDim, angles, true);
  for (size_t i = 0; i < x.size(); ++i) CHECK_NEAR(back[i], 2.25 * x[i], 2e-6);
  // The frequencies of theta, given by hand, are the same bits.
  const parl::RopeAngles plain{.theta = 500.0}, given{.frequencies = plain.frequenciesOf(headDim)};
  parl::ropeApply(x.data(), positions.data(), out.data(), 3, 1, headDim, plain, false);
  parl::ropeApply(x.data(), positions.data(), back.data(), 3, 1, headDim, given, false);
  CHECK(out == back);
}
