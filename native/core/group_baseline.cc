#include "core/group_baseline.h"

#include "core/group_advantage.h"

namespace parl {

void lengthBaselineAdvantages(std::span<const double> rewards, std::span<const double> lengths, std::span<const int32_t> groupIds,
                              bool keepSingletons, std::span<double> out) {
  const SortedGroups sorted = sortGroups(rewards, groupIds);
  for (size_t group = 0; group + 1 < sorted.begins.size(); ++group) {
    const auto begin = static_cast<size_t>(sorted.begins[group]), end = static_cast<size_t>(sorted.begins[group + 1]);
    const double smallest = sorted.rewards[begin];
    const bool equal = smallest == sorted.rewards[end - 1];
    double weights = 0, sum = 0, plain = 0;
    for (size_t i = begin; i < end; ++i) {
      const double above = sorted.rewards[i] - smallest, length = lengths[sorted.rows[i]];
      weights += length;
      sum += length * above;
      plain += above;
    }
    const double baseline = weights > 0 ? sum / weights : plain / static_cast<double>(end - begin);
    for (size_t i = begin; i < end; ++i) out[sorted.rows[i]] = equal ? 0 : sorted.rewards[i] - smallest - baseline;
    if (end - begin == 1 && keepSingletons) out[sorted.rows[begin]] = smallest;
  }
}

void bestOfGroupAdvantages(std::span<const double> rewards, std::span<const int32_t> groupIds, bool scale, double epsilon,
                           std::span<double> out) {
  const SortedGroups sorted = sortGroups(rewards, groupIds);
  for (size_t i = 0; i < out.size(); ++i) out[i] = 0;
  for (size_t group = 0; group + 1 < sorted.begins.size(); ++group) {
    const auto begin = static_cast<size_t>(sorted.begins[group]), end = static_cast<size_t>(sorted.begins[group + 1]);
    if (end - begin < 2) continue;
    const double lead = sorted.rewards[end - 1] - sorted.rewards[end - 2];
    if (lead == 0) continue;
    const double divisor = scale ? deviation(std::span(sorted.rewards).subspan(begin, end - begin), false) + epsilon : 1;
    out[sorted.rows[end - 1]] = lead / divisor;
  }
}

}  // namespace parl
