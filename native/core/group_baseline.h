// Advantages within a group against baselines other than the mean.
#pragma once

#include <cstdint>
#include <span>

namespace parl {

// OPO: r minus the group's mean weighted by length, sum(length r) / sum(length).
//   lengths [n]  >= 0, sampled tokens of each row (read); a group without any has the plain mean for a baseline
//   out     [n]  exact zeros where all rewards of a group are equal; groups of one as above (overwritten)
void lengthBaselineAdvantages(std::span<const double> rewards, std::span<const double> lengths, std::span<const int32_t> groupIds,
                              bool keepSingletons, std::span<double> out);

// Pass@k training: the best row of a group gets best - second best, over the sample deviation + epsilon where `scale`;
// everything else 0, ties for the best and groups of one included.
void bestOfGroupAdvantages(std::span<const double> rewards, std::span<const int32_t> groupIds, bool scale, double epsilon,
                           std::span<double> out);

}  // namespace parl
