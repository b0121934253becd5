#include "core/policy_loss.h"

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

}  // namespace parl
