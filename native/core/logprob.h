// Log-probability of a target token and entropy of its distribution, from logits, at a temperature.
//
// For one row, with z = logits / temperature (as a product with the float 1 / temperature):
//   logSumExp = max + log(sum of e^(z - max)),  logprob = z[target] - logSumExp,  entropy = logSumExp - sum p z
// Sums run over vocabulary entries in an order fixed by their index, block by block. Training and sampling use the same functions.
// A NaN or +Infinity logit makes the row NaN, and so does a row of -Infinity alone; among others -Infinity is a token of
// probability 0.
#pragma once

#include <cstdint>

#include "core/isa.h"

namespace parl {

struct LogprobRow {
  double logSumExp;
  float entropy;  // NaN unless asked for
};

// What a row's entries so far add up to: sum of e^(z - max), and of e^(z - max) (z - max) where the entropy is wanted.
struct LogprobSums {
  double max = 0, sum = 0, weighted = 0;
  bool empty = true;
};
// Entries of a row that are added up together. A row may come in several calls, each of whole blocks but the last.
constexpr int64_t kLogprobBlock = 4096;

// Adds one block, of at most kLogprobBlock entries.
PARL_KERNEL(void, logprobBlock,
            (const float* logits, int64_t count, float inverseTemperature, bool wantEntropy, LogprobSums& sums))
// The row that these sums belong to.
PARL_KERNEL(LogprobRow, finishedRow, (const LogprobSums& sums, bool wantEntropy))
PARL_KERNEL(LogprobRow, logprobRow, (const float* logits, int64_t vocab, float inverseTemperature, bool wantEntropy))

inline LogprobRow logprobRow(const float* logits, int64_t vocab, float inverseTemperature, bool wantEntropy) {
  return PARL_DISPATCH(logprobRow)(logits, vocab, inverseTemperature, wantEntropy);
}
// The log-probability of the token with this logit, in a row with these sums.
inline float tokenLogprob(const LogprobRow& row, float logit, float inverseTemperature) {
  const float scaled = logit * inverseTemperature;
  return static_cast<float>(static_cast<double>(scaled) - row.logSumExp);
}

//   logits [n,v], targets [n] in [0, v) read; logprobs, lse [n] overwritten; entropies [n] overwritten, may be null
void logprobForward(const float* logits, const int32_t* targets, int64_t n, int64_t v, float temperature,
                    float* logprobs, float* entropies, float* lse);

// dLogits [n,v] (may be logits) = the gradient of sum dLogprobs * logprobs + dEntropies * entropies.
// dEntropies and entropies may be null together.
void logprobBackward(const float* dLogprobs, const float* dEntropies, const float* logits, const int32_t* targets,
                     const float* lse, const float* entropies, int64_t n, int64_t v, float temperature, float* dLogits);

// `vocab` entries of a row from `logits` on; a target outside [0, vocab) lies in another part of the row.
PARL_KERNEL(void, logprobBackwardRow,
            (float dLogprob, float dEntropy, const float* logits, int64_t target, float lse, float entropy, int64_t vocab,
             float inverseTemperature, float* dLogits))

}  // namespace parl
