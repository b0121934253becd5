// Rewards in several parts, normalised one by one, and the normalisation of a batch of rows.
#pragma once

#include <cstdint>
#include <span>

#include "core/group_advantage.h"

namespace parl {

// (value - mean) / (sample deviation + epsilon) over the values that are not NaN; 0 where NaN and where all are equal.
void standardize(std::span<const double> values, double epsilon, std::span<double> out);

// Rewards in parts: each part is normalised within its groups by itself, then the weighted sum is taken. A part that is NaN
// was not given: it enters neither the statistics of its part nor the sum.
//   parts   [rows, kinds]  row-major, NaN or usable (read)
//   weights [kinds]        (read)
//   out     [rows]         NaN for a row without any part (overwritten)
void partAdvantages(std::span<const double> parts, std::span<const double> weights, std::span<const int32_t> groupIds,
                    const GroupAdvantageOptions& options, std::span<double> out);

}  // namespace parl
