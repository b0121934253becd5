// The language-model head fused with logprob.h: log-probability and entropy straight from hidden states.
// Logits are computed for a tile of rows and a block of the vocabulary at a time, so the [n, v] matrix never exists.
#pragma once

#include <cstdint>

#include "core/weight_data.h"

namespace parl {

struct LinearLogprobShape {
  int64_t n, d, v;
  float temperature;  // > 0
};

// The head's weight [v,d], and its panels (weight_panels.h) where it has been packed already.
struct HeadWeight {
  WeightData values;
  const float* panels = nullptr;

  HeadWeight(const float* weight) : values(weight) {}  // NOLINT: any weight is one
  HeadWeight(WeightData weight, const float* packed = nullptr) : values(weight), panels(packed) {}  // NOLINT
};

// Memory of a forward or backward call beside what it reads and writes: a tile of logits, and each thread's packed operands.
int64_t linearLogprobScratchBytes(const LinearLogprobShape& shape, int threads);

//   hidden [n,d], weight [v,d], targets [n] in [0, v) read; logprobs, lse [n] overwritten; entropies [n] may be null
// keptLogits [v,d], the memory of a gradient of the weight that is to come: what fits of the logits is left there for
// linearLogprobBackward. Null: nothing is kept.
void linearLogprobForward(const float* hidden, const HeadWeight& weight, const int32_t* targets,
                          const LinearLogprobShape& shape, float* logprobs, float* entropies, float* lse, float* keptLogits = nullptr);

// dHidden [n,d] overwritten; dWeight [v,d] accumulated over ascending rows; either may be null when not wanted.
// dEntropies and entropies may be null together. With isKept dWeight is keptLogits of the forward pass, and overwritten.
void linearLogprobBackward(const float* dLogprobs, const float* dEntropies, const float* hidden, WeightData weight,
                           const int32_t* targets, const float* lse, const float* entropies,
                           const LinearLogprobShape& shape, float* dHidden, float* dWeight, bool isKept = false);

// linearLogprobForward and, for a gradient of the log-probs that is known before them, linearLogprobBackward: the bits of the two calls,
// without computing the logits twice. dHidden [n,d] and dWeight [v,d] overwritten; dWeight may be null, entropies may be null.
void linearLogprobWithGradient(const float* dLogprobs, const float* hidden, WeightData weight, const int32_t* targets,
                               const LinearLogprobShape& shape, float* logprobs, float* entropies, float* lse, float* dHidden,
                               float* dWeight);

}  // namespace parl
