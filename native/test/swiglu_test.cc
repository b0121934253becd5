#include "core/swiglu.h"

#include <cmath>
#include <vector>

#include "check.h"
#include "core/thread_pool.h"

namespace {
double silu(double x) { return x / (1 + std::exp(-x)); }
}  // namespace

TEST(swiglu_matches_double_and_finite_differences) {
  for (size_t count : {0, 1, 15, 16, 33, 20000}) {
    const auto gate = parl::test::mixedFloats(1, count, 20), up = parl::test::mixedFloats(2, count), dOut = parl::test::mixedFloats(3, count);
    std::vector<float> out(count), dGate(count), dUp(count);
    parl::swigluForward(gate.data(), up.data(), out.data(), static_cast<int64_t>(count));
    parl::swigluBackward(dOut.data(), gate.data(), up.data(), dGate.data(), dUp.data(), static_cast<int64_t>(count));
    for (size_t i = 0; i < count; ++i) {
      const double g = gate[i], expected = silu(g) * up[i];
      // e^x to 2 ULP, then four roundings.
      CHECK_NEAR(out[i], expected, 8e-7 * std::fabs(expected));
      const double slope = (silu(g + 1e-5) - silu(g - 1e-5)) / 2e-5;
      CHECK_NEAR(dGate[i], dOut[i] * up[i] * slope, 4e-6);
      CHECK_NEAR(dUp[i], dOut[i] * silu(g), 8e-7 * std::fabs(dOut[i] * silu(g)) + 1e-30);
    }
  }
}

TEST(swiglu_is_finite_for_huge_gates) {
  const float gate[] = {-1000, 1000, -3e38f, 3e38f}, up[] = {1, 1, 1, 1};
  float out[4], dGate[4], dUp[4];
  parl::swigluForward(gate, up, out, 4);
  parl::swigluBackward(up, gate, up, dGate, dUp, 4);
  CHECK(out[0] == 0 && out[1] == 1000 && out[2] == 0 && out[3] == 3e38f);
  CHECK(dGate[0] == 0 && dGate[1] == 1 && dGate[2] == 0 && dGate[3] == 1);
}

TEST(swiglu_bits_do_not_depend_on_the_place_in_the_array) {
  const auto gate = parl::test::mixedFloats(1, 50000, 5), up = parl::test::mixedFloats(2, 50000);
  std::vector<float> whole(50000), part(7);
  for (int threads : {1, 3}) {
    parl::setThreadCount(threads);
    parl::swigluForward(gate.data(), up.data(), whole.data(), 50000);
    for (size_t at : {0, 1, 1003, 49993}) {
      parl::swigluForward(gate.data() + at, up.data() + at, part.data(), 7);
      for (size_t i = 0; i < 7; ++i) CHECK(part[i] == whole[at + i]);
    }
  }
  parl::setThreadCount(2);
}
