// What training keeps of a small decoder's layers between its forward pass and its backward pass, and where (decoder_layers.h).
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/decoder_layers.h"

namespace parl {

// Floats of a row.
struct DecoderWidths {
  int64_t d, f, q, kv, heads, kvHeads;
  explicit DecoderWidths(const DecoderConfig& config);
};

// What is kept of one layer, of all rows: buffers [rows, width] by the names of LayerRows, and gradients of some of them. Where the last layer
// narrows, those from outAttended on have a row for each target, in the order of the parts. q, k and v become their products' gradients, gate and
// up their own.
struct KeptLayer {
  float *sum, *normed, *rstd, *q, *k, *v, *attended, *lse;
  float *qProduct, *kProduct, *qRstd, *kRstd, *dQuery, *dKey;  // with norms of heads; dQuery, dKey: of those norms' outputs
  float* dNormed;
  float* outAttended;  // attended, or of the targets' rows
  float *postSum, *postNormed, *postRstd, *gate, *up, *act;
  float *dMixed, *dPostNormed;  // dMixed is that of postSum too
  float* dFed;                  // that of the next layer's sum; in the forward pass fed itself
};

struct KeptActivations {
  std::vector<KeptLayer> layers;
  float *finalSum, *finalRstd;  // [targetCount, d], [targetCount]
  float* dEmbedding;            // [n, d]
  int64_t floats = 0;
  bool isEveryRowTarget;  // then the last layer does not narrow

  // base null: only counts.
  KeptActivations(const DecoderConfig& config, const DecoderWeights& weights, const TrainedTokens& trained, float* base);

  // Whether past this layer's attention only the rows of targets go on.
  bool narrows(size_t layer) const { return layer + 1 == layers.size() && !isEveryRowTarget; }
};

}  // namespace parl
