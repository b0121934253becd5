// The parts of a decoder's layer around its attention: what decoding over a cache (cached_decoder.h) and scoring of whole sequences
// (score_tokens.h) have in common.
//
// Exactness: each row goes through the operations of the training forward, in their order, in kernels whose outputs do not depend on what
// else is in the batch, on how rows are tiled, or on the thread count.
#pragma once

#include <cstdint>
#include <vector>

#include "core/decoder_weights.h"
#include "core/tensor_memory.h"

namespace parl {

// The matrices of a small decoder in panels (weight_panels.h); null of a larger one, whose weights are read in place.
class DecoderPanels {
 public:
  struct Layer {
    const float *q = nullptr, *k = nullptr, *v = nullptr, *o = nullptr, *gate = nullptr, *up = nullptr, *down = nullptr;
  };

  explicit DecoderPanels(const DecoderConfig& config);  // throws std::bad_alloc
  static int64_t floats(const DecoderConfig& config);

  // To be called before the first use, and when the weights may have changed.
  void pack(const DecoderConfig& config, const DecoderWeights& weights);

  const Layer& layer(size_t index) const { return layers_[index]; }
  const float* head() const { return head_; }

 private:
  TensorArray data_;
  std::vector<Layer> layers_;
  const float* head_ = nullptr;
};

// Activations of n rows, row-major.
struct LayerRows {
  int64_t n;
  const int32_t* positions;  // [n]
  float* x;                  // [n, hiddenSize]: the residual stream
  float* normed;             // [n, hiddenSize]: its norm, or what the last block adds to it
  float *q, *attended;       // [n, numHeads * headDim]
  float *k, *v;              // [n, numKvHeads * headDim]
  float *gate, *up;          // [n, intermediateSize]
  float* low;                // [n, adapterRank]

  // Rows from `first` on; gate, up and low stay where they are.
  LayerRows from(const DecoderConfig& config, int64_t first, int64_t count) const;
};
// Floats of all buffers of a row.
int64_t layerRowFloats(const DecoderConfig& config);

// What a layer does, in this order, for rows whose residual stream is x: normed is the norm of x; of x + normed, which x becomes, where the layer
// before left in normed what it adds (isFirst false).
struct LayerParts {
  const DecoderConfig& config;
  const DecoderLayer& weights;
  const DecoderPanels::Layer& panels;

  void norm(const LayerRows& rows, bool isFirst) const;
  void keysAndValues(const LayerRows& rows) const;  // k, turned to the positions, and v of normed
  void queries(const LayerRows& rows) const;        // q of normed, turned
  // Behind the attention: x becomes x + attended o^T, normed what the feed-forward block adds to that.
  void feedForward(const LayerRows& rows) const;
};

}  // namespace parl
