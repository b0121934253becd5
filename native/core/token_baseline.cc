#include "core/token_baseline.h"

#include <cmath>
#include <map>
#include <vector>

#include "core/thread_pool.h"

namespace parl {
namespace {

// The sampled tokens of a row, in order: where they stand, their return, the weight of what was written up to them.
struct SampledRow {
  std::vector<int64_t> tokens;
  std::vector<double> returns, weights;
};

SampledRow sampledRow(const float* rewards, const float* logprobs, const float* squares, const float* corrections,
                      const TokenRows& rows, size_t row) {
  SampledRow result;
  double weight = 0;
  for (int64_t t = rows.begin(row); t < rows.begin(row) + rows.length(row); ++t) {
    if (rows.mask[static_cast<size_t>(t)] == 0) continue;
    const double correction = corrections == nullptr ? 1 : static_cast<double>(corrections[t]);
    const double score = 1 - 2 * std::exp(static_cast<double>(logprobs[t])) + static_cast<double>(squares[t]);
    weight += score * correction * correction;
    result.tokens.push_back(t);
    result.returns.push_back(static_cast<double>(rewards[t]));
    result.weights.push_back(weight);
  }
  for (size_t i = result.returns.size(); i-- > 1;) result.returns[i - 1] += result.returns[i];
  return result;
}

// The baseline at place i of a group, or nothing to compare with.
struct Baseline {
  double value = 0;
  size_t rows = 0;
  bool isFlat = true;  // all returns there are equal
};

Baseline baselineAt(const std::vector<SampledRow>& all, const std::vector<size_t>& group, size_t i, double epsilon) {
  double weighted = 0, weights = 0, first = 0;
  Baseline baseline;
  for (const size_t row : group) {
    if (i >= all[row].tokens.size()) continue;
    const double value = all[row].returns[i];
    if (baseline.rows == 0) first = value;
    baseline.isFlat &= value == first;
    weighted += value * all[row].weights[i];
    weights += all[row].weights[i];
    ++baseline.rows;
  }
  baseline.value = weighted / (weights + epsilon);
  return baseline;
}

}  // namespace

CreditStatus tokenBaselineAdvantages(const float* rewards, const float* logprobs, const float* squares, const float* corrections,
                                     const TokenRows& rows, std::span<const int32_t> groupIds, const TokenBaselineOptions& options,
                                     float* advantages, float* returns) {
  const int64_t stray = firstMaskedReward(rewards, rows.mask);
  if (stray >= 0) return {CreditFault::maskedReward, stray};
  std::vector<SampledRow> all(rows.rows());
  parallelFor(static_cast<int64_t>(rows.rows()), rowGrain(rows), [&](int64_t first, int64_t last) {
    for (auto row = static_cast<size_t>(first); row < static_cast<size_t>(last); ++row) {
      all[row] = sampledRow(rewards, logprobs, squares, corrections, rows, row);
    }
  });
  for (int32_t t = 0; t < rows.offsets.back(); ++t) advantages[t] = returns[t] = 0;
  std::map<int32_t, std::vector<size_t>> groups;
  for (size_t row = 0; row < rows.rows(); ++row) groups[groupIds[row]].push_back(row);
  for (const auto& [id, group] : groups) {
    size_t longest = 0;
    for (const size_t row : group) longest = std::max(longest, all[row].tokens.size());
    for (size_t i = 0; i < longest; ++i) {
      const Baseline baseline = baselineAt(all, group, i, options.epsilon);
      const bool isAlone = baseline.rows == 1;
      const bool keeps = isAlone && (group.size() == 1 ? options.keepSingletons : options.keepTail);
      for (const size_t row : group) {
        if (i >= all[row].tokens.size()) continue;
        const int64_t t = all[row].tokens[i];
        const double own = all[row].returns[i];
        if (!std::isfinite(own) || !std::isfinite(all[row].weights[i])) return {CreditFault::notFinite, t};
        returns[t] = static_cast<float>(own);
        advantages[t] = static_cast<float>(keeps ? own : baseline.isFlat ? 0 : own - baseline.value);
      }
    }
  }
  return {};
}

}  // namespace parl
