#include "core/token_rows.h"

#include <algorithm>

namespace parl {

int64_t rowGrain(const TokenRows& rows) {
  const int64_t tokens = rows.offsets.back(), count = static_cast<int64_t>(rows.rows());
  return std::max<int64_t>(1, count * 16384 / std::max<int64_t>(1, tokens));
}

}  // namespace parl
