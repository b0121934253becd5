#include "core/value_loss.h"

namespace parl {

void valueLoss(const float* predictions, const float* returns, const float* oldValues, const TokenRows& rows,
               std::span<const double> rowWeights, float clip, float* gradient, std::span<ValueRowStatistics> statistics) {
  forEachRow(rows, [&](size_t row, int64_t begin) {
    PARL_DISPATCH(valueLossRow)
    (predictions + begin, returns + begin, oldValues + begin, rows.mask.data() + begin, rows.length(row), rowWeights[row], clip,
     gradient + begin, statistics[row]);
  });
}

}  // namespace parl
