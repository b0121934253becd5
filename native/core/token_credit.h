// Credit that runs backward over the tokens of a row: discounted returns, and generalised advantage estimation.
//
// Rows are multi-turn: tokens that the policy did not sample (tool results, user messages, padding) neither discount nor
// bootstrap nor end the carry. What "the next token" means is always the next *sampled* token of the row.
// Outputs are 0 where a token was not sampled.
#pragma once

#include <cstdint>
#include <span>

#include "core/token_rewards.h"

namespace parl {

enum class CreditFault { none, maskedReward, notFinite };
struct CreditStatus {
  CreditFault fault = CreditFault::none;
  int64_t index = -1;  // of the token that is at fault
};

// G[t] = r[t] + gamma G[next], in double precision, stored as float32.
//   rewards [tokens] (read), returns [tokens] (overwritten)
CreditStatus discountedReturns(const float* rewards, const TokenRows& rows, double gamma, float* returns);

// delta[t] = r[t] + gamma V[next] - V[t];  A[t] = delta[t] + gamma lambda A[next];  return[t] = A[t] + V[t].
//   rewards, values [tokens] (read); values at tokens that were not sampled are not used
//   advantages, returns [tokens] (overwritten)
// The recurrence is serial along a row, so a vector of rows is walked side by side.
CreditStatus generalizedAdvantages(const float* rewards, const float* values, const TokenRows& rows, double gamma,
                                   double lambda, float* advantages, float* returns);

// ---- kernels -------------------------------------------------------------------------------------------------------

constexpr int kCreditRows = 16;  // no ISA takes more rows at a time
struct CreditRows {
  const float *rewards, *values;  // of all rows, as is the rest
  const uint8_t* mask;
  double gamma, decay;
  float *advantages, *returns;
  int rows;  // <= kCreditRows
  int64_t begins[kCreditRows], lengths[kCreditRows];
};
struct CreditFlags {
  bool stray;      // a reward stands on a token that was not sampled
  bool notFinite;  // an advantage is not finite
};
PARL_KERNEL(CreditFlags, generalizedAdvantageRows, (const CreditRows& rows))

}  // namespace parl
