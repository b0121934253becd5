#include "core/matmul.h"

#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "check.h"
#include "core/thread_pool.h"

namespace {

struct Case {
  parl::MatmulShape shape;
  std::vector<float> a, b, out;
};

Case make(int64_t m, int64_t n, int64_t k, bool transposeA, bool transposeB, bool accumulate) {
  return {{m, n, k, transposeA, transposeB, accumulate},
          parl::test::mixedFloats(1, static_cast<size_t>(m * k)),
          parl::test::mixedFloats(2, static_cast<size_t>(n * k)),
          parl::test::mixedFloats(3, static_cast<size_t>(m * n))};
}

void checkAgainstDouble(const Case& x) {
  const auto& s = x.shape;
  std::vector<float> out = x.out;
  parl::matmul(x.a.data(), x.b.data(), out.data(), s);
  for (int64_t i = 0; i < s.m; ++i) {
    for (int64_t j = 0; j < s.n; ++j) {
      double expected = s.accumulate ? x.out[static_cast<size_t>(i * s.n + j)] : 0.0, magnitude = std::fabs(expected);
      for (int64_t p = 0; p < s.k; ++p) {
        const double a = x.a[static_cast<size_t>(s.transposeA ? p * s.m + i : i * s.k + p)];
        const double b = x.b[static_cast<size_t>(s.transposeB ? j * s.k + p : p * s.n + j)];
        expected += a * b;
        magnitude += std::fabs(a * b);
      }
      // Each of the k steps rounds at most twice (portable), each by half an ULP of a partial sum <= magnitude.
      const double tolerance = static_cast<double>(s.k + 1) * std::numeric_limits<float>::epsilon() * magnitude;
      CHECK_NEAR(out[static_cast<size_t>(i * s.n + j)], expected, tolerance);
    }
  }
}

}  // namespace

TEST(matmul_matches_double_in_all_transposes) {
  const int64_t shapes[][3] = {{1, 1, 1}, {1, 33, 7}, {5, 3, 0}, {14, 32, 16}, {15, 31, 17}, {29, 65, 40}, {16, 100, 257}, {171, 70, 300}};
  for (const auto& s : shapes) {
    for (int flags = 0; flags < 8; ++flags) checkAgainstDouble(make(s[0], s[1], s[2], flags & 1, flags & 2, flags & 4));
  }
  checkAgainstDouble(make(3, 1100, 20, false, true, false));   // more than one block of columns, few rows
  checkAgainstDouble(make(40, 1100, 20, false, false, true));  // and many
  checkAgainstDouble(make(9, 5, 1000, true, false, true));     // several slices of depth
}

// Rows of a deep transposed operand are packed a tile beside the other: no tile may reach into its neighbour, however few rows it has.
TEST(matmul_of_any_number_of_transposed_rows_matches_double) {
  for (const int threads : {1, 2, 5}) {
    parl::setThreadCount(threads);
    for (int64_t m = 1; m <= 50; ++m) checkAgainstDouble(make(m, 5, 200, true, false, false));
    for (const int64_t m : {103, 111, 735}) checkAgainstDouble(make(m, 33, 200, true, false, false));
  }
  parl::setThreadCount(2);
}

// a^T b for a [k, m] by way of a transposed copy: a row-major product, which packs b as gradients do not.
static std::vector<float> gradientOf(const std::vector<float>& a, const std::vector<float>& b, int64_t m, int64_t n, int64_t k) {
  std::vector<float> turned(a.size()), out(static_cast<size_t>(m * n));
  for (int64_t p = 0; p < k; ++p) {
    for (int64_t i = 0; i < m; ++i) turned[static_cast<size_t>(i * k + p)] = a[static_cast<size_t>(p * m + i)];
  }
  parl::matmul(turned.data(), b.data(), out.data(), {.m = m, .n = n, .k = k});
  return out;
}

TEST(matmul_gradients_have_the_bits_of_matmul) {
  const int64_t k = 700;
  const int64_t widths[] = {64, 7, 0, 1, 103};
  for (const int64_t n : {33, 64}) {
    const auto x = parl::test::mixedFloats(1, static_cast<size_t>(n * k));
    std::vector<std::vector<float>> dys, expected, out;
    std::vector<parl::GradientProduct> products;
    for (const int64_t m : widths) {
      dys.push_back(parl::test::mixedFloats(static_cast<uint32_t>(m), static_cast<size_t>(m * k)));
      expected.push_back(gradientOf(dys.back(), x, m, n, k));
      out.emplace_back(static_cast<size_t>(m * n), 7.0f);
    }
    for (size_t i = 0; i < dys.size(); ++i) products.push_back({dys[i].data(), out[i].data(), widths[i]});
    for (const int threads : {1, 2, 5}) {
      parl::setThreadCount(threads);
      for (auto& product : out) std::fill(product.begin(), product.end(), 7.0f);
      parl::matmulGradients(products, x.data(), n, k);
      for (size_t i = 0; i < dys.size(); ++i) CHECK(out[i].empty() || std::memcmp(out[i].data(), expected[i].data(), out[i].size() * sizeof(float)) == 0);
    }
  }
  parl::setThreadCount(2);
}

TEST(a_gradient_of_any_proportions_has_the_bits_of_matmul) {
  const int64_t k = 700;
  for (const int64_t m : {8, 96, 103, 210}) {
    for (const int64_t n : {16, 32, 47, 96, 209, 256, 421, 544}) {
      const auto a = parl::test::mixedFloats(static_cast<uint32_t>(m), static_cast<size_t>(m * k));
      const auto b = parl::test::mixedFloats(static_cast<uint32_t>(n), static_cast<size_t>(n * k));
      const std::vector<float> expected = gradientOf(a, b, m, n, k);
      for (const int threads : {1, 2}) {
        parl::setThreadCount(threads);
        std::vector<float> out(expected.size() + 1, 7.0f);
        const parl::GradientProduct product{a.data(), out.data(), m};
        parl::matmulGradients({&product, 1}, b.data(), n, k);
        CHECK(std::memcmp(out.data(), expected.data(), expected.size() * sizeof(float)) == 0);
        CHECK(out.back() == 7.0f);
      }
    }
  }
}

TEST(matmul_of_rows_that_lie_apart_has_the_same_bits_and_touches_nothing_between_them) {
  for (const int64_t m : {1, 3, 20, 300}) {
    for (int flags = 0; flags < 8; ++flags) {
      const Case x = make(m, 70, 200, flags & 1, flags & 2, flags & 4);
      std::vector<float> expected = x.out;
      parl::matmul(x.a.data(), x.b.data(), expected.data(), x.shape);

      parl::MatmulShape apart = x.shape;
      const int64_t aRows = apart.transposeA ? apart.k : m, aColumns = apart.transposeA ? m : apart.k;
      apart.aStride = aColumns + 5;
      apart.outStride = apart.n + 3;
      const auto n = static_cast<size_t>(apart.n), width = static_cast<size_t>(aColumns);
      const auto aStride = static_cast<size_t>(apart.aStride), outStride = static_cast<size_t>(apart.outStride);
      std::vector<float> a(static_cast<size_t>(aRows) * aStride, std::numeric_limits<float>::quiet_NaN());
      std::vector<float> out(static_cast<size_t>(m) * outStride, 7.0f);
      for (size_t r = 0; r < static_cast<size_t>(aRows); ++r) std::memcpy(&a[r * aStride], &x.a[r * width], width * sizeof(float));
      for (size_t r = 0; r < static_cast<size_t>(m); ++r) std::memcpy(&out[r * outStride], &x.out[r * n], n * sizeof(float));
      parl::matmul(a.data(), x.b.data(), out.data(), apart);
      for (size_t r = 0; r < static_cast<size_t>(m); ++r) {
        CHECK(std::memcmp(&out[r * outStride], &expected[r * n], n * sizeof(float)) == 0);
        for (size_t c = n; c < outStride; ++c) CHECK(out[r * outStride + c] == 7.0f);
      }
    }
  }
}

// Two threads take such products by strips of columns, the deep one in three bands; one thread goes by blocks.
TEST(matmul_by_strips_has_the_bits_of_one_thread_and_touches_nothing_else) {
  const int64_t shapes[][3] = {{96, 768, 40}, {103, 801, 600}, {512, 1060, 1300}, {700, 790, 3000}, {1024, 777, 577}};
  for (const auto& [m, n, k] : shapes) {
    for (int flags = 0; flags < 8; ++flags) {
      Case x = make(m, n, k, flags & 1, flags & 2, flags & 4);
      x.shape.outStride = n + 3;
      x.out = parl::test::mixedFloats(3, static_cast<size_t>(m * x.shape.outStride));
      std::vector<parl::Bf16> halves;
      for (float& value : x.b) {
        uint32_t bits;
        std::memcpy(&bits, &value, sizeof bits);
        bits &= 0xFFFF0000u;
        std::memcpy(&value, &bits, sizeof bits);
        halves.push_back({static_cast<uint16_t>(bits >> 16)});
      }
      parl::setThreadCount(1);
      std::vector<float> expected = x.out;
      parl::matmul(x.a.data(), x.b.data(), expected.data(), x.shape);
      parl::setThreadCount(2);
      for (const bool isHalf : {false, true}) {
        std::vector<float> out = x.out;
        parl::matmul(x.a.data(), isHalf ? parl::WeightData(halves.data()) : parl::WeightData(x.b.data()), out.data(), x.shape);
        CHECK(std::memcmp(out.data(), expected.data(), out.size() * sizeof(float)) == 0);
      }
    }
  }
}

TEST(matmul_bits_do_not_depend_on_rows_columns_or_threads) {
  const int64_t m = 61, n = 150, k = 300;
  Case whole = make(m, n, k, false, true, false);
  parl::setThreadCount(1);
  parl::matmul(whole.a.data(), whole.b.data(), whole.out.data(), whole.shape);
  for (int threads : {2, 3, 5}) {
    parl::setThreadCount(threads);
    std::vector<float> again(whole.out.size());
    parl::matmul(whole.a.data(), whole.b.data(), again.data(), whole.shape);
    CHECK(std::memcmp(again.data(), whole.out.data(), again.size() * sizeof(float)) == 0);
  }
  parl::setThreadCount(2);
  for (int64_t rows : {1, 2, 7, 16}) {  // a decoding batch of any size gives the rows of the whole
    const int64_t first = m - rows;
    std::vector<float> part(static_cast<size_t>(rows * n));
    parl::matmul(whole.a.data() + first * k, whole.b.data(), part.data(), {rows, n, k, false, true, false});
    CHECK(std::memcmp(part.data(), whole.out.data() + first * n, part.size() * sizeof(float)) == 0);
  }
  std::vector<float> column(static_cast<size_t>(m));
  parl::matmul(whole.a.data(), whole.b.data() + 77 * k, column.data(), {m, 1, k, false, true, false});
  for (int64_t i = 0; i < m; ++i) CHECK(column[static_cast<size_t>(i)] == whole.out[static_cast<size_t>(i * n + 77)]);
}

TEST(matmul_accumulating_over_pieces_of_k_changes_no_bit) {
  const int64_t m = 20, n = 40, k = 700;
  Case x = make(m, n, k, true, false, true);
  std::vector<float> pieces = x.out;
  parl::matmul(x.a.data(), x.b.data(), x.out.data(), x.shape);
  for (int64_t p = 0; p < k; p += 123) {
    const int64_t depth = k - p < 123 ? k - p : 123;
    parl::matmul(x.a.data() + p * m, x.b.data() + p * n, pieces.data(), {m, n, depth, true, false, true});
  }
  CHECK(std::memcmp(pieces.data(), x.out.data(), pieces.size() * sizeof(float)) == 0);
}

TEST(matmul_keeps_nan_and_infinity_in_their_row) {
  Case x = make(20, 40, 50, false, false, false);
  x.a[3 * 50 + 10] = std::numeric_limits<float>::infinity();
  x.a[4 * 50 + 49] = std::numeric_limits<float>::quiet_NaN();
  parl::matmul(x.a.data(), x.b.data(), x.out.data(), x.shape);
  for (int64_t i = 0; i < 20; ++i) {
    for (int64_t j = 0; j < 40; ++j) CHECK(std::isfinite(x.out[static_cast<size_t>(i * 40 + j)]) == (i != 3 && i != 4));
  }
}

TEST(matmul_each_has_the_bits_of_matmul) {
  const int64_t k = 905;  // enough that threads share even one row
  for (int threads : {1, 2, 3}) {
    for (int64_t m : {1, 2, 6, 8, 9, 40}) {
      std::vector<Case> cases;
      for (int64_t n : {1, 32, 150, 65}) cases.push_back(make(m, n, k, false, true, false));
      std::vector<std::vector<float>> expected, out;
      std::vector<parl::WeightProduct> products;
      parl::setThreadCount(1);
      for (const Case& c : cases) {
        expected.emplace_back(c.out.size());
        out.emplace_back(c.out.size(), 9.0f);
        parl::matmul(cases[0].a.data(), c.b.data(), expected.back().data(), {m, c.shape.n, k, false, true, false});
      }
      parl::setThreadCount(threads);
      for (size_t i = 0; i < cases.size(); ++i) products.push_back({cases[i].b.data(), out[i].data(), cases[i].shape.n});
      parl::matmulEach(cases[0].a.data(), products, m, k);
      for (size_t i = 0; i < cases.size(); ++i) CHECK(out[i] == expected[i]);
    }
  }
  parl::setThreadCount(2);
}
