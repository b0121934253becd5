#include "core/policy_loss.h"

#include <algorithm>
#include <limits>

namespace parl {
namespace {

const float* at(const float* p, int64_t offset) { return p == nullptr ? nullptr : p + offset; }

}  // namespace

void policyLoss(const PolicyTokens& tokens, const TokenRows& rows, std::span<const double> rowWeights,
                const PolicyLossOptions& options, float* gradient, std::span<PolicyRowStatistics> statistics) {
  forEachRow(rows, [&](size_t row, int64_t begin) {
    const PolicyTokens own{tokens.logprobs + begin,      tokens.oldLogprobs + begin,
                           tokens.advantages + begin,    rows.mask.data() + begin,
                           at(tokens.weights, begin),    at(tokens.referenceLogprobs, begin),
                           at(tokens.klWeights, begin)};
    PARL_DISPATCH(policyLossRow)(own, rows.length(row), rowWeights[row], options, gradient + begin, statistics[row]);
  });
}

PolicyRowStatistics policyTotals(std::span<const PolicyRowStatistics> rows) {
  PolicyRowStatistics totals{};
  totals.smallestRatio = std::numeric_limits<double>::infinity();
  totals.largestRatio = -totals.smallestRatio;
  for (const PolicyRowStatistics& row : rows) {
    if (row.tokens == 0) continue;
    totals.loss += row.loss;
    totals.tokens += row.tokens;
    totals.logRatio += row.logRatio;
    totals.k3 += row.k3;
    totals.ratio += row.ratio;
    totals.clipped += row.clipped;
    totals.dual += row.dual;
    totals.low += row.low;
    totals.high += row.high;
    totals.kl += row.kl;
    totals.smallestRatio = std::min(totals.smallestRatio, row.smallestRatio);
    totals.largestRatio = std::max(totals.largestRatio, row.largestRatio);
  }
  return totals;
}

}  // namespace parl
