#include "core/weight_panels.h"

#include <cstring>
#include <limits>

#include "check.h"
#include "core/matmul.h"
#include "core/thread_pool.h"

// Rows around the tiles of every ISA, columns around vectors and panels, depths around vectors; more rows than a block.
TEST(weight_panels_give_the_bits_of_matmul) {
  for (const int threads : {1, 3}) {
    parl::setThreadCount(threads);
    for (const int64_t k : {1, 7, 16, 33, 384}) {
      for (const int64_t n : {1, 15, 31, 32, 33, 64, 95, 127, 160, 290}) {
        const auto weight = parl::test::mixedFloats(7, static_cast<size_t>(n * k));
        std::vector<float> panels(static_cast<size_t>(parl::weightPanelFloats(n, k)) + 16, 5.0f);
        parl::packWeight(weight.data(), n, k, panels.data());
        for (const int64_t m : {1, 2, 3, 4, 5, 6, 7, 13, 14, 15, 29, 84, 85, 171}) {
          const auto x = parl::test::mixedFloats(8, static_cast<size_t>(m * k));
          const auto count = static_cast<size_t>(m * n);
          std::vector<float> expected(count), actual(count + 1, 3.0f);
          parl::matmul(x.data(), weight.data(), expected.data(), {.m = m, .n = n, .k = k, .transposeB = true});
          parl::multiplyPanels(x.data(), panels.data(), actual.data(), m, n, k);
          CHECK(std::memcmp(expected.data(), actual.data(), count * sizeof(float)) == 0);
          CHECK(actual[count] == 3.0f);

          // Of a matrix [k, n], added to what is there.
          std::vector<float> matrix(weight.size()), cut(panels.size());
          for (int64_t j = 0; j < n; ++j) {
            for (int64_t p = 0; p < k; ++p) matrix[static_cast<size_t>(p * n + j)] = weight[static_cast<size_t>(j * k + p)];
          }
          parl::packMatrix(matrix.data(), n, n, k, cut.data());
          auto continued = parl::test::mixedFloats(9, count);
          expected = continued;
          parl::matmul(x.data(), matrix.data(), expected.data(), {.m = m, .n = n, .k = k, .accumulate = true});
          parl::multiplyPanels(x.data(), cut.data(), continued.data(), m, n, k, true);
          CHECK(std::memcmp(expected.data(), continued.data(), count * sizeof(float)) == 0);
        }
      }
    }
  }
  parl::setThreadCount(2);
}

TEST(weight_panels_of_several_weights_give_the_bits_of_each) {
  const int64_t k = 65, widths[] = {96, 31, 0, 200};
  for (const int threads : {1, 3}) {
    parl::setThreadCount(threads);
    for (const int64_t m : {0, 1, 2, 29, 83, 84, 85, 270}) {
      const auto x = parl::test::mixedFloats(8, static_cast<size_t>(m * k));
      std::vector<std::vector<float>> panels, out, expected;
      std::vector<parl::PanelOutput> outputs;
      for (const int64_t n : widths) {
        const auto weight = parl::test::mixedFloats(static_cast<uint32_t>(n), static_cast<size_t>(n * k));
        panels.emplace_back(static_cast<size_t>(parl::weightPanelFloats(n, k)));
        parl::packWeight(weight.data(), n, k, panels.back().data());
        expected.emplace_back(static_cast<size_t>(m * n));
        out.emplace_back(expected.back().size() + 1, 3.0f);
        parl::matmul(x.data(), weight.data(), expected.back().data(), {.m = m, .n = n, .k = k, .transposeB = true});
      }
      for (size_t i = 0; i < 4; ++i) outputs.push_back({panels[i].data(), out[i].data(), widths[i]});
      parl::multiplyPanelsEach(x.data(), outputs, m, k);
      for (size_t i = 0; i < 4; ++i) {
        CHECK(expected[i].empty() || std::memcmp(out[i].data(), expected[i].data(), expected[i].size() * sizeof(float)) == 0);
        CHECK(out[i].back() == 3.0f);
      }
    }
  }
  parl::setThreadCount(2);
}

TEST(weight_panels_keep_nan_and_infinity_in_their_rows_and_columns) {
  const int64_t m = 6, n = 40, k = 20;
  auto weight = parl::test::mixedFloats(1, static_cast<size_t>(n * k));
  auto x = parl::test::mixedFloats(2, static_cast<size_t>(m * k));
  weight[5 * k + 3] = std::numeric_limits<float>::quiet_NaN();
  x[2 * k + 1] = std::numeric_limits<float>::infinity();
  std::vector<float> panels(static_cast<size_t>(parl::weightPanelFloats(n, k))), out(static_cast<size_t>(m * n));
  parl::packWeight(weight.data(), n, k, panels.data());
  parl::multiplyPanels(x.data(), panels.data(), out.data(), m, n, k);
  for (int64_t i = 0; i < m; ++i) {
    for (int64_t j = 0; j < n; ++j) CHECK(std::isfinite(out[static_cast<size_t>(i * n + j)]) == (i != 2 && j != 5));
  }
}
