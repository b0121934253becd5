// All layers of a decoder over packed sequences, with their gradient: what training runs between the tokens and the head.
//
// The forward pass and the gradients of activations go part by part (sequence_parts.h): each thread takes some sequences through all
// layers, and back. Then all threads share the gradients of the weights, each one product over the rows of all parts. So every gradient is
// one chain over ascending rows, whatever the parts and the threads; the bits are those of the layers' operations one by one.
#pragma once

#include <cstdint>
#include <vector>

#include "core/attention.h"
#include "core/decoder_weights.h"

namespace parl {

struct TrainedTokens {
  const int32_t* tokens;      // [n], in [0, vocabSize)
  Segments segments;          // of the tokens
  const int32_t* targetRows;  // [targetCount], in [0, n): the rows whose hidden states are wanted; those of one tree neighbours
  int64_t targetCount;
  int64_t rows() const { return segments.offsets[segments.count]; }
};

// Gradients of the weights, overwritten: the shapes of DecoderWeights, null where that is.
struct DecoderLayerGradients {
  float *inputNorm, *qProj, *kProj, *vProj, *qBias, *kBias, *vBias, *qNorm, *kNorm, *oProj, *postNorm, *gateProj, *upProj, *downProj;
};
struct DecoderGradients {
  float *embedding, *finalNorm;
  std::vector<DecoderLayerGradients> layers;
};

// Floats that the forward pass leaves for the backward pass, and that this one works in.
int64_t keptActivations(const DecoderConfig& config, const DecoderWeights& weights, const TrainedTokens& trained);

// hidden [targetCount, hiddenSize] = the final norm of the residual stream behind each target's row; `kept` overwritten. Weights are float32,
// without adapters. Throws std::bad_alloc.
void decoderLayersForward(const DecoderConfig& config, const DecoderWeights& weights, const TrainedTokens& trained, float* kept,
                          float* hidden);

// dHidden [targetCount, hiddenSize]; `kept` of the forward pass is used up. Throws std::bad_alloc.
void decoderLayersBackward(const DecoderConfig& config, const DecoderWeights& weights, const TrainedTokens& trained, const float* dHidden,
                           float* kept, const DecoderGradients& gradients);

}  // namespace parl
