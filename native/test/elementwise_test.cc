#include "core/elementwise.h"

#include <vector>

#include "check.h"

TEST(add_in_place) {
  for (size_t count : {0, 1, 15, 100000}) {
    const auto a = parl::test::mixedFloats(1, count), b = parl::test::mixedFloats(2, count);
    std::vector<float> out = a;
    parl::add(out.data(), b.data(), out.data(), static_cast<int64_t>(count));
    for (size_t i = 0; i < count; ++i) CHECK(out[i] == a[i] + b[i]);
  }
}
