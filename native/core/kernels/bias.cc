// out = y + bias in every row; out[d] (+)= sum of the rows of dy. Both are bound by memory: one read of y or dy.
// A column's sum is one chain over ascending rows, so threads may take any ranges of columns.
#include "core/bias.h"

#include "core/kernels/vec.h"

namespace parl::PARL_ISA {

void addBiasRows(const float* y, const float* bias, float* out, int64_t n, int64_t d) {
  for (int64_t i = 0; i < n; ++i, y += d, out += d) {
    int64_t j = 0;
    for (; j + kWidth <= d; j += kWidth) store(out + j, load(y + j) + load(bias + j));
    for (; j < d; ++j) out[j] = y[j] + bias[j];
  }
}

void columnSumRange(const float* dy, float* out, int64_t n, int64_t d, int64_t begin, int64_t end, bool accumulate) {
  if (!accumulate) {
    for (int64_t j = begin; j < end; ++j) out[j] = 0.0f;
  }
  // Row by row: out's range stays in L1 while dy streams through once.
  for (int64_t i = 0; i < n; ++i) {
    const float* row = dy + i * d;
    int64_t j = begin;
    for (; j + kWidth <= end; j += kWidth) store(out + j, load(out + j) + load(row + j));
    for (; j < end; ++j) out[j] += row[j];
  }
}

}  // namespace parl::PARL_ISA
