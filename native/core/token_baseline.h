// Optimal token baseline: a token's return minus the baseline of least variance at its place among the sampled tokens of its row.
//   G[t] = sum of the row's rewards from t on
//   W[t] = sum over sampled tokens j <= t of (1 - 2 p[j] + s[j]) c[j]^2, the squared length of the score of what was written so far,
//          p = e^logprob, s the sum of squared probabilities at that token, c a rollout correction (1 without)
//   B[i] = sum of G W / (sum of W + epsilon), over the rows of the group that have an i-th sampled token
//   A[t] = G[t] - B[i], t the i-th sampled token of its row
// Rows are lined up by the running index of their sampled tokens: observations neither count nor shift anything.
#pragma once

#include <cstdint>
#include <span>

#include "core/token_credit.h"

namespace parl {

struct TokenBaselineOptions {
  double epsilon = 1e-8;
  bool keepSingletons = false;  // a group of one gets its returns; else 0
  bool keepTail = false;        // so do tokens that no other row of the group reaches; else 0
};
//   rewards, logprobs, squares [tokens] (read), corrections [tokens] or null; groupIds [rows]
//   advantages, returns [tokens], 0 where not sampled; exact zeros where all returns of a group at a place are equal (overwritten)
CreditStatus tokenBaselineAdvantages(const float* rewards, const float* logprobs, const float* squares, const float* corrections,
                                     const TokenRows& rows, std::span<const int32_t> groupIds, const TokenBaselineOptions& options,
                                     float* advantages, float* returns);

}  // namespace parl
