#include "core/trust_region.h"

#include <algorithm>
#include <cmath>

#include "core/thread_pool.h"

namespace parl {
namespace {

constexpr double kLogRatioBound = 20;
constexpr double kTiny = 1e-8;  // keeps the log finite at probability 1

// Of "this token" against "any other", from q to p.
double binaryKl(double logP, double logQ) {
  const double p = std::exp(logP), q = std::exp(logQ);
  return q * (logQ - logP) + (1 - q) * std::log((1 - q + kTiny) / (1 - p + kTiny));
}

bool isInside(double logP, double logQ, bool isPushedUp, const TrustRegionOptions& o) {
  const double step = std::exp(logP) - std::exp(logQ);
  if (o.divergence == TrustRegionDivergence::totalVariation) return isPushedUp ? step <= o.high : step >= -o.low;
  if (isPushedUp ? step <= 0 : step >= 0) return true;
  return binaryKl(logP, logQ) <= (isPushedUp ? o.high : o.low);
}

}  // namespace

void trustRegionWeights(const float* logprobs, const float* oldLogprobs, const float* advantages, const TokenRows& rows,
                        const TrustRegionOptions& options, float* weights) {
  constexpr int64_t grain = 2048;
  parallelFor(rows.offsets.back(), grain, [&](int64_t begin, int64_t end) {
    for (int64_t t = begin; t < end; ++t) {
      weights[t] = 0;
      if (rows.mask[static_cast<size_t>(t)] == 0) continue;
      const double logP = static_cast<double>(logprobs[t]), logQ = static_cast<double>(oldLogprobs[t]);
      if (std::isnan(logP - logQ)) {
        weights[t] = static_cast<float>(logP - logQ);  // shown, not hidden by a 0
      } else if (isInside(logP, logQ, advantages[t] > 0, options)) {
        weights[t] = static_cast<float>(std::min(std::exp(std::clamp(logP - logQ, -kLogRatioBound, kLogRatioBound)), options.ratioCap));
      }
    }
  });
}

}  // namespace parl
