#include "core/elementwise.h"

#include <cmath>
#include <cstring>
#include <vector>

#include "check.h"

using parl::Arithmetic;
using parl::ArithmeticOperand;

namespace {

float expected(Arithmetic operation, float x, float y) {
  switch (operation) {
    case Arithmetic::add:
      return x + y;
    case Arithmetic::subtract:
      return x - y;
    case Arithmetic::multiply:
      return x * y;
    default:
      return x / y;
  }
}

bool isSame(float x, float y) { return std::memcmp(&x, &y, sizeof x) == 0 || (std::isnan(x) && std::isnan(y)); }

}  // namespace

TEST(arithmetic_of_arrays_and_single_elements) {
  for (const Arithmetic operation : {Arithmetic::add, Arithmetic::subtract, Arithmetic::multiply, Arithmetic::divide}) {
    for (const size_t count : {0, 1, 15, 33, 100000}) {
      for (const bool singleA : {false, true}) {
        for (const bool singleB : {false, true}) {
          const auto a = parl::test::mixedFloats(1, count + 1), b = parl::test::mixedFloats(2, count + 1);
          std::vector<float> out(count);
          parl::arithmetic(operation, {a.data(), singleA}, {b.data(), singleB}, out.data(), static_cast<int64_t>(count));
          for (size_t i = 0; i < count; ++i) CHECK(isSame(out[i], expected(operation, a[singleA ? 0 : i], b[singleB ? 0 : i])));
        }
      }
    }
  }
}

TEST(arithmetic_in_place) {
  const auto a = parl::test::mixedFloats(1, 100000), b = parl::test::mixedFloats(2, 100000);
  std::vector<float> out = a;
  parl::add(out.data(), b.data(), out.data(), 100000);
  for (size_t i = 0; i < a.size(); ++i) CHECK(out[i] == a[i] + b[i]);
  // A single element that lies in the result.
  out = b;
  parl::arithmetic(Arithmetic::multiply, {out.data() + 70000, true}, {out.data()}, out.data(), 100000);
  for (size_t i = 0; i < b.size(); ++i) CHECK(out[i] == b[70000] * b[i]);
}
