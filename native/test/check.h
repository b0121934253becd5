// A small test harness: TEST(name) { CHECK(...); CHECK_NEAR(actual, expected, tolerance); }. main.cc runs every test.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstdio>
#include <vector>

namespace parl::test {

struct Case {
  const char* name;
  void (*run)();
};
std::vector<Case>& cases();
int& failures();

struct Registration {
  Registration(const char* name, void (*run)()) { cases().push_back({name, run}); }
};

// Well-mixed floats in [-1, 1), a function of (seed, index) only.
inline float mixed(uint32_t seed, uint32_t index) {
  uint32_t x = index + seed * 0x9E3779B9u;
  x ^= x >> 16;
  x *= 0x85EBCA6Bu;
  x ^= x >> 13;
  x *= 0xC2B2AE35u;
  x ^= x >> 16;
  return static_cast<float>(x >> 8) * (2.0f / 16777216.0f) - 1.0f;
}
inline std::vector<float> mixedFloats(uint32_t seed, size_t count, float scale = 1.0f) {
  std::vector<float> values(count);
  for (size_t i = 0; i < count; ++i) values[i] = scale * mixed(seed, static_cast<uint32_t>(i));
  return values;
}

}  // namespace parl::test

#define TEST(name)                                                              \
  static void test_##name();                                                    \
  static const ::parl::test::Registration registration_##name{#name, test_##name}; \
  static void test_##name()

#define CHECK(condition)                                                                  \
  do {                                                                                    \
    if (!(condition)) {                                                                   \
      ++::parl::test::failures();                                                         \
      std::printf("  %s:%d: CHECK(%s) failed\n", __FILE__, __LINE__, #condition);         \
    }                                                                                     \
  } while (0)

#define CHECK_NEAR(actual, expected, tolerance)                                                               \
  do {                                                                                                        \
    const double actual_ = (actual), expected_ = (expected);                                                  \
    if (!(std::fabs(actual_ - expected_) <= (tolerance))) {                                                   \
      ++::parl::test::failures();                                                                             \
      std::printf("  %s:%d: %s is %.9g, expected %.9g\n", __FILE__, __LINE__, #actual, actual_, expected_);   \
    }                                                                                                         \
  } while (0)
