// Gradients of the weights of a small decoder's layers and of its embedding, from what its passes left of all rows (decoder_layers.h).
#pragma once

#include "core/kept_activations.h"

namespace parl {

// dHidden [targetCount, hiddenSize]: in the order of the parts, as `kept` is behind the gradients of activations. isApart: each thread takes whole
// gradients, the largest first; else the threads share each one.
void layerWeightGradients(const DecoderConfig& config, const DecoderWeights& weights, const TrainedTokens& trained, const KeptActivations& kept,
                          const float* dHidden, const DecoderGradients& gradients, bool isApart);

}  // namespace parl
