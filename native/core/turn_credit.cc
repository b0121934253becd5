#include "core/turn_credit.h"

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

#include "core/group_advantage.h"

namespace parl {

void twoSegmentAdvantages(std::span<const double> outcome, std::span<const double> turn, std::span<const int32_t> boundary,
                          const TokenRows& rows, double weight, float* out) {
  for (size_t row = 0; row < rows.rows(); ++row) {
    const int64_t begin = rows.begin(row), length = rows.length(row);
    const int64_t first = std::clamp<int64_t>(boundary[row], 0, length);
    const auto early = static_cast<float>(outcome[row] + weight * turn[row]), late = static_cast<float>(outcome[row]);
    for (int64_t t = 0; t < length; ++t) {
      out[begin + t] = rows.mask[static_cast<size_t>(begin + t)] == 0 ? 0.0f : t < first ? early : late;
    }
  }
}

void stepGroupAdvantages(std::span<const double> episodeRewards, std::span<const int32_t> groupIds,
                         std::span<const int32_t> stepOffsets, std::span<const double> stepRewards,
                         std::span<const uint64_t> anchors, const StepGroupOptions& options, std::span<double> out) {
  GroupAdvantageOptions group;
  group.estimator = options.scale ? AdvantageEstimator::grpo : AdvantageEstimator::drGrpo;
  group.epsilon = options.epsilon;
  const size_t trajectories = groupIds.size(), steps = anchors.size();

  std::vector<double> values(steps), episodes(steps);
  std::vector<int32_t> clusters(steps), groupOfStep(steps);
  std::map<std::pair<int32_t, uint64_t>, int32_t> clusterIds;
  for (size_t t = 0; t < trajectories; ++t) {
    double carry = 0;
    for (int32_t s = stepOffsets[t + 1] - 1; s >= stepOffsets[t]; --s) {
      const auto step = static_cast<size_t>(s);
      carry = stepRewards[step] + options.gamma * carry;
      values[step] = carry;
      episodes[step] = episodeRewards[t];
      groupOfStep[step] = groupIds[t];
      const auto next = static_cast<int32_t>(clusterIds.size());
      clusters[step] = clusterIds.try_emplace({groupIds[t], anchors[step]}, next).first->second;
    }
  }
  groupAdvantages(values, clusters, group, out);
  for (double& advantage : out) advantage *= options.weight;
  if (options.averageOverSteps) {
    std::vector<double> advantages(steps);
    groupAdvantages(episodes, groupOfStep, group, advantages);
    for (size_t s = 0; s < steps; ++s) out[s] += advantages[s];
    return;
  }
  std::vector<double> advantages(trajectories);
  groupAdvantages(episodeRewards, groupIds, group, advantages);
  for (size_t t = 0; t < trajectories; ++t) {
    for (int32_t s = stepOffsets[t]; s < stepOffsets[t + 1]; ++s) out[static_cast<size_t>(s)] += advantages[t];
  }
}

}  // namespace parl
