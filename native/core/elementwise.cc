#include "core/elementwise.h"

#include "core/thread_pool.h"

namespace parl {

void add(const float* a, const float* b, float* out, int64_t count) {
  parallelFor(count, 32768, [&](int64_t begin, int64_t end) {
    PARL_DISPATCH(addRange)(a + begin, b + begin, out + begin, end - begin);
  });
}

}  // namespace parl
