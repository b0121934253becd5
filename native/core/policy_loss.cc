#include "core/policy_loss.h"

#include "core/thread_pool.h"

namespace parl {
namespace {

const float* at(const float* p, int64_t offset) { return p == nullptr ? nullptr : p + offset; }

constexpr int64_t kElementGrain = 8192;

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

void sampledCounts(const TokenRows& rows, std::span<int32_t> counts) {
  forEachRow(rows, [&](size_t row, int64_t begin) {
    counts[row] = PARL_DISPATCH(sampledCountRow)(rows.mask.data() + begin, rows.length(row));
  });
}

void klPenalty(const float* logprobs, const float* referenceLogprobs, int64_t n, const KlOptions& options, float* values,
               float* gradients) {
  parallelFor(n, kElementGrain, [&](int64_t begin, int64_t end) {
    PARL_DISPATCH(klPenaltyRange)(logprobs + begin, referenceLogprobs + begin, end - begin, options, values + begin, gradients + begin);
  });
}

}  // namespace parl
