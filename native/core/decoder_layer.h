// The parts of a decoder's layer around its attention: what decoding over a cache (cached_decoder.h), scoring (score_tokens.h) and training
// (decoder_layers.h) have in common.
//
// Exactness: each row goes through the same operations in the same order, in kernels whose outputs do not depend on what else is in the
// batch, on how rows are tiled, or on the thread count.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/decoder_weights.h"

namespace parl {

// The matrices of a small decoder in panels (weight_panels.h); null of a larger one, whose weights are read in place.
class DecoderPanels {
 public:
  // For products with the weights: of the layers alone, or with the head; or with the transposed weights of the layers, for gradients.
  enum class Use { layers, layersAndHead, gradients };
  struct Layer {
    const float *q = nullptr, *k = nullptr, *v = nullptr, *o = nullptr, *gate = nullptr, *up = nullptr, *down = nullptr;
  };

  static int64_t floats(const DecoderConfig& config, Use use);
  // memory: so many floats, which outlive the panels.
  DecoderPanels(const DecoderConfig& config, Use use, float* memory);

  // To be called before the first use, and when the weights may have changed. Use::gradients: of float32 weights.
  void pack(const DecoderConfig& config, const DecoderWeights& weights);

  const Layer& layer(size_t index) const { return layers_[index]; }
  const float* head() const { return head_; }

 private:
  Use use_;
  float* memory_;
  std::vector<Layer> layers_;
  const float* head_ = nullptr;
};

// Activations of n rows, row-major; D = hiddenSize, F = intermediateSize. Decoding keeps nothing: there buffers of one shape may be one
// buffer (sum, x and postSum; normed, delta, mixed, postNormed and fed; q and qProduct, k and kProduct; act and gate). Training keeps what its
// backward pass reads.
struct LayerRows {
  int64_t n;
  const int32_t* positions;      // [n]
  const float *x, *delta;        // [n, D]: the residual stream, and what the layer before adds to it; delta null: the stream is in sum already
  float *sum, *normed, *rstd;    // [n, D] twice, [n]: x + delta, its norm, and 1 / root of each row (null: not wanted)
  float *qProduct, *kProduct;    // as q, k: before the norms of their heads, which Qwen3 has
  float *qRstd, *kRstd;          // [n, heads]: of those norms (null: not wanted)
  float *q, *attended;           // [n, numHeads * headDim]
  float *k, *v;                  // [n, numKvHeads * headDim]
  float* mixed;                  // [n, D]: attended o^T
  float *postSum, *postNormed, *postRstd;
  float *gate, *up, *act;        // [n, F]
  float* fed;                    // [n, D]: what the feed-forward block adds to postSum
  float* low;                    // [n, adapterRank]

  // Rows from `first` on for feedForward(). Unless keptFeedForward, gate, up, act and low stay where they are.
  LayerRows block(const DecoderConfig& config, int64_t first, int64_t count, bool keptFeedForward) const;
};
// Floats of all buffers of a row where nothing is kept.
int64_t layerRowFloats(const DecoderConfig& config);

// What a layer does, in this order. The attention comes before the feed-forward block.
struct LayerParts {
  const DecoderConfig& config;
  const DecoderLayer& weights;
  const DecoderPanels::Layer& panels;

  void norm(const LayerRows& rows) const;           // sum, normed
  void keysAndValues(const LayerRows& rows) const;  // k, turned to the positions, and v of normed
  void queries(const LayerRows& rows) const;        // q of normed, turned
  void projections(const LayerRows& rows) const;    // both
  void feedForward(const LayerRows& rows) const;    // mixed, postSum = sum + mixed, postNormed, gate, up, act, fed

 private:
  // What follows the products.
  void finishKeysAndValues(const LayerRows& rows) const;
  void finishQueries(const LayerRows& rows) const;
};

// y[m,n] = x[m,k] weight^T; from the panels where there are some, with the same bits.
void multiplyWeight(const float* x, WeightData weight, const float* panels, float* y, int64_t m, int64_t n, int64_t k);

}  // namespace parl
