// Value loss of PPO with clipped predictions: value, gradient with respect to the predictions, and metrics in one pass.
#pragma once

#include <cstdint>
#include <span>

#include "core/isa.h"
#include "core/token_rewards.h"

namespace parl {

struct ValueRowStatistics {
  double loss, tokens, clipped;  // clipped: tokens whose clipped term won
};

// Sum of rowWeight / 2 max((v - R)^2, (clamp(v, old - clip, old + clip) - R)^2).
//   predictions, returns, oldValues [tokens] (read); gradient [tokens] and statistics [rows] (overwritten)
void valueLoss(const float* predictions, const float* returns, const float* oldValues, const TokenRows& rows,
               std::span<const double> rowWeights, float clip, float* gradient, std::span<ValueRowStatistics> statistics);

PARL_KERNEL(void, valueLossRow,
            (const float* predictions, const float* returns, const float* oldValues, const uint8_t* mask, int64_t n,
             double rowWeight, float clip, float* gradient, ValueRowStatistics& statistics))

}  // namespace parl
