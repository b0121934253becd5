// Scoring: log-probabilities of given tokens and entropies of their distributions, by a forward pass that keeps nothing for a gradient.
// The bits are those of the training forward (decoder_layer.h, attention.h, linear_logprob.h).
// Threads work apart on a small decoder: sequence_parts.h.
#pragma once

#include <cstdint>

#include "core/attention.h"
#include "core/decoder_weights.h"

namespace parl {

struct ScoredTokens {
  const int32_t* tokens;      // [n], in [0, vocabSize)
  Segments segments;          // of the tokens, as in training: positions count from the beginning of a segment's first ancestor
  const int32_t* targetRows;  // [targetCount], in [0, n): the token after which each target comes, in any order
  const int32_t* targets;     // [targetCount], in [0, vocabSize)
  int64_t targetCount;
};

//   logprobs [targetCount] overwritten; entropies [targetCount] overwritten, may be null. temperature > 0.
// Throws std::bad_alloc.
void scoreTokens(const DecoderConfig& config, const DecoderWeights& weights, const ScoredTokens& scored, float temperature,
                 float* logprobs, float* entropies);

}  // namespace parl
