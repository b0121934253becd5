#include "core/elementwise.h"

#include "core/kernels/vec.h"

namespace parl::PARL_ISA {

void addRange(const float* a, const float* b, float* out, int64_t count) {
  int64_t i = 0;
  for (; i + kWidth <= count; i += kWidth) store(out + i, load(a + i) + load(b + i));
  for (; i < count; ++i) out[i] = a[i] + b[i];
}

}  // namespace parl::PARL_ISA
