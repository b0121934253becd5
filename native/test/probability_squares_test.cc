#include "core/probability_squares.h"

#include <cmath>
#include <limits>
#include <vector>

#include "check.h"

TEST(probability_squares_of_even_and_certain_rows) {
  for (int64_t v : {1, 2, 3, 7, 8, 9, 15, 16, 17, 33, 1000}) {
    const auto n = static_cast<size_t>(v);
    std::vector<float> logits(n, 4), squares(1);
    parl::probabilitySquares(logits.data(), 1, v, 1, squares.data());
    CHECK_NEAR(squares[0], 1.0 / static_cast<double>(v), 1e-6 / static_cast<double>(v));
    logits[n - 1] = 1000;
    parl::probabilitySquares(logits.data(), 1, v, 1, squares.data());
    CHECK(squares[0] == 1);
  }
}

TEST(probability_squares_by_definition_at_a_temperature) {
  const auto logits = parl::test::mixedFloats(3, 3 * 37, 6);
  std::vector<float> squares(3);
  parl::probabilitySquares(logits.data(), 3, 37, 0.5f, squares.data());
  for (size_t row = 0; row < 3; ++row) {
    double sum = 0, square = 0;
    for (size_t j = 0; j < 37; ++j) {
      const double e = std::exp(static_cast<double>(logits[row * 37 + j]) * 2);
      sum += e;
      square += e * e;
    }
    CHECK_NEAR(squares[row], square / (sum * sum), 1e-6);
  }
}

TEST(probability_squares_of_unusual_logits) {
  const float infinity = std::numeric_limits<float>::infinity(), nan = std::numeric_limits<float>::quiet_NaN();
  std::vector<float> logits = {-infinity, 0, 0, -infinity, nan, 0, 0, 0}, squares(2);
  parl::probabilitySquares(logits.data(), 2, 4, 1, squares.data());
  CHECK_NEAR(squares[0], 0.5, 1e-7);
  CHECK(std::isnan(squares[1]));
}
