// dWeight[ids[i]] += dOut[i] for the columns begin .. end. Threads split the columns: each walks all ids in ascending order,
// so repeated ids never race and always add in the same order.
#include "core/embedding.h"

#include "core/kernels/vec.h"

namespace parl::PARL_ISA {

void widenRow(const Bf16* row, float* out, int64_t d) {
  int64_t j = 0;
  for (; j + kWidth <= d; j += kWidth) store(out + j, load(row + j));
  if (j < d) storePartial(out + j, loadPartial(row + j, static_cast<int>(d - j)), static_cast<int>(d - j));
}

void embeddingBackwardRange(const float* dOut, const int32_t* ids, float* dWeight, int64_t n, int64_t d, int64_t begin,
                            int64_t end) {
  for (int64_t i = 0; i < n; ++i) {
    const float* from = dOut + i * d;
    float* to = dWeight + ids[i] * d;
    int64_t j = begin;
    for (; j + kWidth <= end; j += kWidth) store(to + j, load(to + j) + load(from + j));
    for (; j < end; ++j) to[j] += from[j];
  }
}

}  // namespace parl::PARL_ISA
