#include "core/bias.h"

#include <cmath>
#include <cstring>
#include <vector>

#include "check.h"
#include "core/thread_pool.h"

TEST(bias_is_added_to_every_row) {
  for (int64_t d : {1, 5, 16, 33}) {
    const int64_t n = 7;
    const auto y = parl::test::mixedFloats(1, static_cast<size_t>(n * d)), bias = parl::test::mixedFloats(2, static_cast<size_t>(d));
    std::vector<float> out(y.size());
    parl::addBias(y.data(), bias.data(), out.data(), n, d);
    for (size_t i = 0; i < y.size(); ++i) CHECK(out[i] == y[i] + bias[i % static_cast<size_t>(d)]);
  }
}

TEST(column_sum_matches_double_on_any_number_of_threads) {
  for (int64_t d : {1, 17, 200}) {
    const int64_t n = 1000;
    const auto dy = parl::test::mixedFloats(1, static_cast<size_t>(n * d));
    std::vector<float> first;
    for (int threads : {1, 2, 3}) {
      parl::setThreadCount(threads);
      std::vector<float> out(static_cast<size_t>(d), 0.5f);
      parl::columnSum(dy.data(), out.data(), n, d, true);
      if (first.empty()) {
        first = out;
        for (int64_t j = 0; j < d; ++j) {
          double expected = 0.5, magnitude = 0.5;
          for (int64_t i = 0; i < n; ++i) {
            expected += dy[static_cast<size_t>(i * d + j)];
            magnitude += std::fabs(dy[static_cast<size_t>(i * d + j)]);
          }
          CHECK_NEAR(out[static_cast<size_t>(j)], expected, magnitude * static_cast<double>(n) * 6e-8);
        }
      }
      CHECK(std::memcmp(first.data(), out.data(), out.size() * sizeof(float)) == 0);
    }
    parl::setThreadCount(2);
  }
}

TEST(column_sum_overwrites_unless_it_accumulates) {
  const float dy[] = {1, 2, 3, 4};
  float out[] = {100, 100};
  parl::columnSum(dy, out, 2, 2, false);
  CHECK(out[0] == 4 && out[1] == 6);
  parl::columnSum(dy, out, 2, 2, true);
  CHECK(out[0] == 8 && out[1] == 12);
}
