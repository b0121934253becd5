// Credit below the trajectory: MT-GRPO's two segments, and GiGPO's groups of steps.
#pragma once

#include <cstdint>
#include <span>

#include "core/token_rewards.h"

namespace parl {

// MT-GRPO (Zeng et al. 2025): tokens before `boundary` get outcome + weight * turn, later ones outcome.
//   outcome, turn  [rows]    advantages, already normalised                                     (read)
//   boundary       [rows]    position in the row of the first token of the first tool result;
//                            the row's length where there is none                               (read)
//   out            [tokens]  float32, 0 where not sampled                                       (overwritten)
void twoSegmentAdvantages(std::span<const double> outcome, std::span<const double> turn, std::span<const int32_t> boundary,
                          const TokenRows& rows, double weight, float* out);

struct StepGroupOptions {
  double gamma;         // discount from one step to the next, in [0, 1]
  double weight;        // of the step's advantage
  double epsilon;       // added to deviations
  bool scale;           // divide by the sample deviation of the group (episodes) and of the cluster (steps)
  bool averageOverSteps;  // episode statistics count a trajectory once per step, so long ones weigh more
};
// GiGPO (arXiv:2505.10978): advantage of the episode within its group + weight * advantage of the step within the steps of
// the group that start from the same observation. A step's value is its discounted return.
//   episodeRewards [T], groupIds [T]                                   (read)
//   stepOffsets [T + 1]   steps of each trajectory                     (read)
//   stepRewards [S], anchors [S]  hash of what the step started from   (read)
//   out [S]                                                            (overwritten)
// Clusters of one, and clusters and groups of equal values, add exactly 0.
void stepGroupAdvantages(std::span<const double> episodeRewards, std::span<const int32_t> groupIds,
                         std::span<const int32_t> stepOffsets, std::span<const double> stepRewards,
                         std::span<const uint64_t> anchors, const StepGroupOptions& options, std::span<double> out);

}  // namespace parl
