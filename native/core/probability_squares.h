// Sum of squared probabilities of a row of logits, sum of softmax(logits / temperature)^2: 1 for a certain token, 1 / vocab for none
// preferred. With the probability p of the token that was taken, 1 - 2 p + sum is the squared length of the score (token_baseline.h).
#pragma once

#include <cstdint>

#include "core/isa.h"

namespace parl {

//   logits [n,v] read; squares [n] overwritten. NaN or +Infinity among a row's logits makes it NaN; -Infinity has probability 0.
void probabilitySquares(const float* logits, int64_t n, int64_t v, float temperature, float* squares);

PARL_KERNEL(float, probabilitySquaresRow, (const float* logits, int64_t vocab, float inverseTemperature))

}  // namespace parl
