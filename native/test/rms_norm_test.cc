#include "core/rms_norm.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include "check.h"
#include "core/thread_pool.h"

namespace {

constexpr float kEps = 1e-6f;

// The loss sum dy * y in double, for finite differences.
double loss(const std::vector<float>& dy, const std::vector<double>& x, const std::vector<double>& weight, size_t n, size_t d) {
  double total = 0;
  for (size_t i = 0; i < n; ++i) {
    double squares = 0;
    for (size_t j = 0; j < d; ++j) squares += x[i * d + j] * x[i * d + j];
    const double rstd = 1 / std::sqrt(squares / static_cast<double>(d) + kEps);
    for (size_t j = 0; j < d; ++j) total += dy[i * d + j] * weight[j] * x[i * d + j] * rstd;
  }
  return total;
}

}  // namespace

TEST(rms_norm_forward_matches_double) {
  for (size_t d : {1, 3, 16, 31, 32, 47, 128, 1000}) {
    const size_t n = 5;
    for (float scale : {1e-12f, 1.0f, 1e12f}) {
      const auto x = parl::test::mixedFloats(1, n * d, scale), weight = parl::test::mixedFloats(2, d);
      std::vector<float> y(n * d), rstd(n);
      parl::rmsNormForward(x.data(), weight.data(), y.data(), rstd.data(), static_cast<int64_t>(n), static_cast<int64_t>(d), kEps);
      for (size_t i = 0; i < n; ++i) {
        double squares = 0;
        for (size_t j = 0; j < d; ++j) squares += static_cast<double>(x[i * d + j]) * x[i * d + j];
        const double expected = 1 / std::sqrt(squares / static_cast<double>(d) + kEps);
        // A sum of d positive terms: at most d roundings of half an ULP, halved by the root; then a few more.
        const double tolerance = (static_cast<double>(d) / 2 + 8) * 6e-8;
        CHECK_NEAR(rstd[i] / expected, 1, tolerance);
        for (size_t j = 0; j < d; ++j) {
          const double value = weight[j] * (x[i * d + j] * expected);
          CHECK_NEAR(y[i * d + j], value, tolerance * std::fabs(value) + 1e-37);
        }
      }
    }
  }
}

TEST(rms_norm_of_a_sum_has_the_bits_of_both_steps) {
  for (int64_t d : {1, 15, 40, 128}) {
    const int64_t n = 70;
    const auto count = static_cast<size_t>(n * d);
    const auto x = parl::test::mixedFloats(1, count), delta = parl::test::mixedFloats(2, count), dy = parl::test::mixedFloats(3, count);
    const auto dSum = parl::test::mixedFloats(4, count), weight = parl::test::mixedFloats(5, static_cast<size_t>(d));
    std::vector<float> sum(count), y(count), rstd(static_cast<size_t>(n)), dx(count), dWeight(static_cast<size_t>(d), 0.5f);
    for (size_t i = 0; i < count; ++i) sum[i] = x[i] + delta[i];
    parl::rmsNormForward(sum.data(), weight.data(), y.data(), rstd.data(), n, d, kEps);
    parl::rmsNormBackward(dy.data(), sum.data(), weight.data(), rstd.data(), dx.data(), dWeight.data(), n, d);
    for (size_t i = 0; i < count; ++i) dx[i] += dSum[i];

    // In place, as the decoder does it: the sum over x, the norm over delta; and the gradient over dSum.
    std::vector<float> sumOverX = x, normOverDelta = delta, rstdOfBoth(rstd.size()), gradient = dSum, weightGradient(dWeight.size(), 0.5f);
    parl::addRmsNormForward(sumOverX.data(), normOverDelta.data(), weight.data(), sumOverX.data(), normOverDelta.data(), rstdOfBoth.data(), n, d,
                            kEps);
    parl::addRmsNormBackward(dy.data(), gradient.data(), sum.data(), weight.data(), rstd.data(), gradient.data(), weightGradient.data(), n, d);
    CHECK(sumOverX == sum && normOverDelta == y && rstdOfBoth == rstd);
    CHECK(gradient == dx && weightGradient == dWeight);
  }
}

TEST(rms_norm_backward_matches_finite_differences) {
  const size_t n = 3, d = 21;
  const auto dy = parl::test::mixedFloats(1, n * d), x = parl::test::mixedFloats(2, n * d), weight = parl::test::mixedFloats(3, d);
  std::vector<float> y(n * d), rstd(n), dx(n * d), dWeight(d, 0.25f);
  parl::rmsNormForward(x.data(), weight.data(), y.data(), rstd.data(), n, d, kEps);
  parl::rmsNormBackward(dy.data(), x.data(), weight.data(), rstd.data(), dx.data(), dWeight.data(), n, d);
  std::vector<double> xs(x.begin(), x.end()), weights(weight.begin(), weight.end());
  const auto slope = [&](double& value) {
    const double step = 1e-5, before = value;
    value = before + step;
    const double above = loss(dy, xs, weights, n, d);
    value = before - step;
    const double below = loss(dy, xs, weights, n, d);
    value = before;
    return (above - below) / (2 * step);
  };
  // Central differences in double are good to 1e-9; the gradient is a float computation of O(1) terms: d * 6e-8.
  for (size_t i = 0; i < n * d; ++i) CHECK_NEAR(dx[i], slope(xs[i]), 4e-6);
  for (size_t j = 0; j < d; ++j) CHECK_NEAR(dWeight[j], 0.25 + slope(weights[j]), 4e-6);
}

TEST(rms_norm_bits_do_not_depend_on_neighbours_or_threads) {
  const size_t n = 700, d = 100;
  const auto dy = parl::test::mixedFloats(1, n * d), x = parl::test::mixedFloats(2, n * d), weight = parl::test::mixedFloats(3, d);
  std::vector<float> y(n * d), rstd(n), dx(n * d), dWeight(d, 0), first, firstDx, firstDWeight;
  for (int threads : {1, 2, 3}) {
    parl::setThreadCount(threads);
    std::fill(dWeight.begin(), dWeight.end(), 0.0f);
    parl::rmsNormForward(x.data(), weight.data(), y.data(), rstd.data(), n, d, kEps);
    parl::rmsNormBackward(dy.data(), x.data(), weight.data(), rstd.data(), dx.data(), dWeight.data(), n, d);
    if (threads == 1) first = y, firstDx = dx, firstDWeight = dWeight;
    CHECK(y == first && dx == firstDx && dWeight == firstDWeight);
  }
  parl::setThreadCount(2);
  std::vector<float> alone(d);
  parl::rmsNormForward(x.data() + 123 * d, weight.data(), alone.data(), nullptr, 1, d, kEps);
  CHECK(std::memcmp(alone.data(), y.data() + 123 * d, d * sizeof(float)) == 0);
}
