#include "core/reward_parts.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

namespace parl {

void standardize(std::span<const double> values, double epsilon, std::span<double> out) {
  std::vector<double> present;
  for (double value : values) {
    if (!std::isnan(value)) present.push_back(value);
  }
  std::sort(present.begin(), present.end());
  const bool flat = present.empty() || present.front() == present.back();
  const double smallest = flat ? 0 : present.front(), divisor = flat ? 1 : deviation(present, false) + epsilon;
  double sum = 0;
  for (double value : present) sum += value - smallest;
  const double mean = flat ? 0 : sum / static_cast<double>(present.size());
  for (size_t i = 0; i < values.size(); ++i) {
    out[i] = flat || std::isnan(values[i]) ? 0 : (values[i] - smallest - mean) / divisor;
  }
}

void partAdvantages(std::span<const double> parts, std::span<const double> weights, std::span<const int32_t> groupIds,
                    const GroupAdvantageOptions& options, std::span<double> out) {
  const size_t rows = groupIds.size(), kinds = weights.size();
  std::vector<uint8_t> scored(rows, 0);
  std::fill(out.begin(), out.end(), 0.0);
  for (size_t kind = 0; kind < kinds; ++kind) {
    std::vector<double> rewards;
    std::vector<int32_t> ids;
    std::vector<size_t> present;
    for (size_t row = 0; row < rows; ++row) {
      const double part = parts[row * kinds + kind];
      if (std::isnan(part)) continue;
      rewards.push_back(part);
      ids.push_back(groupIds[row]);
      present.push_back(row);
      scored[row] = 1;
    }
    std::vector<double> advantages(rewards.size());
    groupAdvantages(rewards, ids, options, advantages);
    for (size_t i = 0; i < present.size(); ++i) out[present[i]] += weights[kind] * advantages[i];
  }
  for (size_t row = 0; row < rows; ++row) {
    if (scored[row] == 0) out[row] = std::numeric_limits<double>::quiet_NaN();
  }
}

}  // namespace parl
