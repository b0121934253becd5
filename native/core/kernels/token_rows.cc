// Tokens of a row that were sampled, counted in integer lanes: one read of the mask.
#include "core/token_rows.h"

#include "core/kernels/masks.h"

namespace parl::PARL_ISA {

int32_t sampledCountRow(const uint8_t* mask, int64_t n) {
  VecI count = {};
  int64_t i = 0;
  for (; i + kWidth <= n; i += kWidth) countUp(count, sampledLanes(mask + i));
  if (i < n) countUp(count, sampledLanes(mask + i, static_cast<int>(n - i)));
  return static_cast<int32_t>(countLanes(count));
}

}  // namespace parl::PARL_ISA
