#include "core/adamw.h"

#include <cmath>
#include <vector>

#include "check.h"
#include "core/thread_pool.h"

TEST(adamw_matches_the_formula_in_double) {
  std::vector<float> parameter = parl::test::mixedFloats(1, 1003), m(1003, 0), v(1003, 0);
  std::vector<double> p(parameter.begin(), parameter.end()), first(1003, 0), second(1003, 0);
  for (int64_t step = 1; step <= 5; ++step) {
    const auto gradient = parl::test::mixedFloats(static_cast<uint32_t>(step + 10), 1003);
    const parl::AdamwTensor tensor{parameter.data(), gradient.data(), m.data(), v.data(), 1003, 0.1};
    parl::adamwUpdate(&tensor, 1, {1e-2, 0.9, 0.999, 1e-8, step, 0.5});
    for (size_t i = 0; i < p.size(); ++i) {
      const double g = 0.5 * gradient[i];
      p[i] *= 1 - 1e-2 * 0.1;
      first[i] = 0.9 * first[i] + 0.1 * g;
      second[i] = 0.999 * second[i] + 0.001 * g * g;
      const double denominator = std::sqrt(second[i] / (1 - std::pow(0.999, step))) + 1e-8;
      p[i] -= 1e-2 * (first[i] / (1 - std::pow(0.9, step))) / denominator;
      // A few roundings of numbers below 1 a step; the update itself is at most about 1e-2.
      CHECK_NEAR(parameter[i], p[i], static_cast<double>(step) * 1.5e-7);
    }
  }
}

TEST(adamw_and_global_norm_do_not_depend_on_threads) {
  const auto gradient = parl::test::mixedFloats(2, 100001), start = parl::test::mixedFloats(1, 100001);
  std::vector<float> firstResult;
  double firstNorm = 0;
  for (int threads : {1, 2, 3}) {
    parl::setThreadCount(threads);
    std::vector<float> parameter = start, m(100001, 0), v(100001, 0);
    const parl::AdamwTensor tensors[] = {{parameter.data(), gradient.data(), m.data(), v.data(), 40000, 0},
                                         {parameter.data() + 40000, gradient.data() + 40000, m.data() + 40000, v.data() + 40000, 60001, 0.1}};
    parl::adamwUpdate(tensors, 2, {1e-3, 0.9, 0.999, 1e-8, 1, 1});
    const parl::TensorView views[] = {{gradient.data(), 40000}, {gradient.data() + 40000, 60001}};
    const double norm = parl::globalNorm(views, 2);
    if (threads == 1) {
      firstResult = parameter;
      firstNorm = norm;
      double expected = 0;
      for (float g : gradient) expected += static_cast<double>(g) * g;
      CHECK_NEAR(norm, std::sqrt(expected), 1e-9);
    }
    CHECK(parameter == firstResult && norm == firstNorm);
  }
  parl::setThreadCount(2);
}

TEST(global_norm_of_huge_tiny_and_no_numbers) {
  const float huge[] = {3e38f, 3e38f}, tiny[] = {1e-30f};
  const parl::TensorView views[] = {{huge, 2}, {nullptr, 0}};
  CHECK_NEAR(parl::globalNorm(views, 2) / (static_cast<double>(3e38f) * std::sqrt(2.0)), 1, 1e-12);
  const parl::TensorView small{tiny, 1};
  CHECK_NEAR(parl::globalNorm(&small, 1), 1e-30f, 1e-45);
  CHECK(parl::globalNorm(nullptr, 0) == 0);
}

TEST(gradients_add_up_in_place_on_any_number_of_threads) {
  for (int threads : {1, 3}) {
    parl::setThreadCount(threads);
    std::vector<std::vector<float>> sums, gradients;
    std::vector<parl::GradientSum> tensors;
    for (size_t count : {40000, 0, 1, 16385}) {
      sums.push_back(parl::test::mixedFloats(1, count));
      gradients.push_back(parl::test::mixedFloats(2, count));
    }
    const auto before = sums;
    for (size_t i = 0; i < sums.size(); ++i) tensors.push_back({sums[i].data(), gradients[i].data(), static_cast<int64_t>(sums[i].size())});
    parl::addGradients(tensors.data(), static_cast<int64_t>(tensors.size()));
    for (size_t i = 0; i < sums.size(); ++i) {
      for (size_t j = 0; j < sums[i].size(); ++j) CHECK(sums[i][j] == before[i][j] + gradients[i][j]);
    }
  }
  parl::setThreadCount(2);
}
