#include "core/covariance_selection.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "core/philox.h"

namespace parl {
namespace {

struct Candidate {
  double rank;  // the smallest are chosen
  size_t token;
  bool operator<(const Candidate& other) const { return rank != other.rank ? rank < other.rank : token < other.token; }
};

bool isClipped(double logRatio, float advantage, const CovarianceOptions& o) {
  const double ratio = std::exp(logRatio);
  return advantage > 0 ? ratio > o.ratioHigh : advantage < 0 && ratio < o.ratioLow;
}

}  // namespace

void covarianceSelection(const float* logprobs, const float* oldLogprobs, const float* advantages, std::span<const uint8_t> mask,
                         const CovarianceOptions& o, uint8_t* selected) {
  double sampled = 0, advantageSum = 0, logprobSum = 0;
  for (size_t t = 0; t < mask.size(); ++t) {
    selected[t] = 0;
    if (mask[t] == 0) continue;
    ++sampled;
    advantageSum += static_cast<double>(advantages[t]);
    logprobSum += static_cast<double>(logprobs[t]);
  }
  const double meanAdvantage = advantageSum / sampled, meanLogprob = logprobSum / sampled;
  std::vector<Candidate> candidates;
  for (size_t t = 0; t < mask.size(); ++t) {
    if (mask[t] == 0) continue;
    const double logprob = static_cast<double>(logprobs[t]);
    const double covariance = (static_cast<double>(advantages[t]) - meanAdvantage) * (logprob - meanLogprob);
    if (!(covariance > o.low && covariance < o.high)) continue;
    if (oldLogprobs != nullptr && isClipped(logprob - static_cast<double>(oldLogprobs[t]), advantages[t], o)) continue;
    const double rank = o.choice == CovarianceChoice::largest ? -covariance
                        : o.choice == CovarianceChoice::first ? 0
                                                              : uniformAt(o.seed, t);
    candidates.push_back({rank, t});
  }
  const auto wanted = static_cast<size_t>(std::max(1.0, std::floor(o.share * sampled)));
  const size_t count = std::min(wanted, candidates.size());
  std::nth_element(candidates.begin(), candidates.begin() + static_cast<ptrdiff_t>(count), candidates.end());
  for (size_t i = 0; i < count; ++i) selected[candidates[i].token] = 1;
}

}  // namespace parl
