#include "core/philox.h"

#include "check.h"

using parl::philox4x32;
using parl::PhiloxBlock;

// The three published vectors of philox4x32-10: kat_vectors of Random123 1.14.
TEST(philox_published_vectors) {
  CHECK((philox4x32({0, 0, 0, 0}, {0, 0}) == PhiloxBlock{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  const uint32_t ones = 0xffffffff;
  CHECK((philox4x32({ones, ones, ones, ones}, {ones, ones}) == PhiloxBlock{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  CHECK((philox4x32({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}) ==
         PhiloxBlock{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

// Block (0, 0) begins 6627e8d5 e169c58d: u = ((6627e8d5 >> 5) * 2^26 + (e169c58d >> 6)) / 2^53.
TEST(uniform_is_the_top_53_bits_of_two_words) {
  const double expected = (double(0x6627e8d5u >> 5) * 67108864.0 + double(0xe169c58du >> 6)) / 9007199254740992.0;
  CHECK(parl::uniformAt(0, 0) == expected);
  CHECK(parl::uniformAt(1, 0) != expected);
  CHECK(parl::uniformAt(uint64_t{1} << 40, 0) != expected);
}

// Mean and variance of 2^16 uniforms: 1/2 and 1/12 within five standard deviations (0.0011 / sqrt-scaled below).
TEST(uniform_moments) {
  const int count = 65536;
  double sum = 0, squares = 0;
  for (int i = 0; i < count; ++i) {
    const double u = parl::uniformAt(42, static_cast<uint64_t>(i));
    CHECK(u >= 0 && u < 1);
    sum += u;
    squares += (u - 0.5) * (u - 0.5);
  }
  CHECK_NEAR(sum / count, 0.5, 5 * std::sqrt(1.0 / 12 / count));
  CHECK_NEAR(squares / count, 1.0 / 12, 5 * std::sqrt(1.0 / 180 / count));
}
