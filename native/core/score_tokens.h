// Scoring: log-probabilities of given tokens and entropies of their distributions, by a forward pass that keeps nothing for a gradient.
// The bits are those of the training forward (decoder_layer.h, attention.h, linear_logprob.h).
//
// A small decoder (isSmallDecoder) stays in the caches, and what lies between its layers does not: 2,000 tokens of 128 numbers are 1 MB at every
// step, and some 60 steps a pass wait for the slower thread. So each thread takes a few sequences at a time, those of a tree together,
// through all layers and the head: their residual stream stays in its second cache, and there is one barrier a pass. Where the weights are
// large, or the trees too few to give every thread as much, all rows go together and the threads share each product.
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
