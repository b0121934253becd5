#include "core/group_advantage.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

namespace parl {
namespace {

// Sample standard deviation (divisor n - 1) of deviations from a mean, scaled by a power of two so that squares of
// tiny or huge deviations neither vanish nor overflow. `largest` is the largest |deviation|, > 0.
double sampleStd(std::span<const double> deviations, double largest) {
  const int exponent = std::ilogb(largest);
  double sum = 0;
  for (double deviation : deviations) {
    const double scaled = std::scalbn(deviation, -exponent);
    sum += scaled * scaled;
  }
  return std::scalbn(std::sqrt(sum / static_cast<double>(deviations.size() - 1)), exponent);
}

}  // namespace

int64_t firstUnusableReward(std::span<const double> rewards) {
  for (size_t i = 0; i < rewards.size(); ++i) {
    if (!(std::fabs(rewards[i]) <= kLargestReward)) return static_cast<int64_t>(i);
  }
  return -1;
}

void groupAdvantages(std::span<const double> rewards, std::span<const int32_t> groupIds, AdvantageEstimator estimator,
                     double epsilon, std::span<double> out) {
  std::vector<size_t> order(rewards.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    return groupIds[a] != groupIds[b] ? groupIds[a] < groupIds[b] : rewards[a] < rewards[b];
  });

  std::vector<double> deviations;
  for (size_t begin = 0, end = 0; begin < order.size(); begin = end) {
    while (end < order.size() && groupIds[order[end]] == groupIds[order[begin]]) ++end;
    const double smallest = rewards[order[begin]];
    // The raw rewards decide: a rounded mean of equal rewards would leave a residue that the tiny std then inflates.
    if (smallest == rewards[order[end - 1]]) {
      for (size_t i = begin; i < end; ++i) out[order[i]] = 0;
      continue;
    }
    const double n = static_cast<double>(end - begin);
    deviations.resize(end - begin);
    double sum = 0;
    for (size_t i = begin; i < end; ++i) {
      deviations[i - begin] = rewards[order[i]] - smallest;
      sum += deviations[i - begin];
    }
    const double mean = sum / n;
    for (double& deviation : deviations) deviation -= mean;

    double divisor = 1, factor = 1;
    if (estimator == AdvantageEstimator::grpo) {
      divisor = sampleStd(deviations, std::max(-deviations.front(), deviations.back())) + epsilon;
    } else if (estimator == AdvantageEstimator::rloo) {
      factor = n / (n - 1);
    }
    for (size_t i = begin; i < end; ++i) out[order[i]] = deviations[i - begin] * factor / divisor;
  }
}

bool offsetsAscend(std::span<const int32_t> offsets) {
  return !offsets.empty() && offsets.front() == 0 && std::is_sorted(offsets.begin(), offsets.end());
}

void broadcastToTokens(std::span<const double> values, std::span<const int32_t> offsets, std::span<float> out) {
  for (size_t s = 0; s < values.size(); ++s) {
    std::fill(out.begin() + offsets[s], out.begin() + offsets[s + 1], static_cast<float>(values[s]));
  }
}

}  // namespace parl
