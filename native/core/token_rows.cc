#include "core/token_rows.h"

#include <algorithm>

namespace parl {

int64_t rowGrain(const TokenRows& rows) {
  const int64_t tokens = rows.offsets.back(), count = static_cast<int64_t>(rows.rows());
  return std::max<int64_t>(1, count * 16384 / std::max<int64_t>(1, tokens));
}

void sampledCounts(const TokenRows& rows, std::span<int32_t> counts) {
  forEachRow(rows, [&](size_t row, int64_t begin) {
    counts[row] = PARL_DISPATCH(sampledCountRow)(rows.mask.data() + begin, rows.length(row));
  });
}

}  // namespace parl
