// Group advantages on the first CUDA device: arguments and results of core/group_advantage.h, bit for bit.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "core/group_advantage_formula.h"

namespace parl::cuda {

// Rows are sorted on the host. Returns an empty text, or what failed with kernel and shapes.
std::string groupAdvantages(std::span<const double> rewards, std::span<const int32_t> groupIds, AdvantageEstimator estimator,
                            double epsilon, std::span<double> out);

}  // namespace parl::cuda
