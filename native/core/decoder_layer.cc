#include "core/decoder_layer.h"

#include <algorithm>

#include "core/bias.h"
#include "core/matmul.h"
#include "core/rms_norm.h"
#include "core/swiglu.h"
#include "core/thread_pool.h"
#include "core/weight_panels.h"

namespace parl {
namespace {

constexpr int64_t kSmallDecoderFloats = int64_t{8} << 20;
constexpr int64_t kColumnsAtOnce = 8 * kPanelColumns;  // that a thread packs

// A projection of a layer.
struct Projection {
  WeightData weight;
  const float* panels;  // or null
  float* out;           // [m, n]
  int64_t n;
};

// Several of the same rows x[m, k].
template <size_t N>
void project(const float* x, const Projection (&projections)[N], int64_t m, int64_t k) {
  bool isPacked = true;
  for (const Projection& p : projections) isPacked = isPacked && p.panels != nullptr;
  if (isPacked) {
    PanelOutput outputs[N];
    for (size_t i = 0; i < N; ++i) outputs[i] = {projections[i].panels, projections[i].out, projections[i].n};
    multiplyPanelsEach(x, outputs, m, k);
  } else {
    WeightProduct products[N];
    for (size_t i = 0; i < N; ++i) products[i] = {projections[i].weight, projections[i].out, projections[i].n};
    matmulEach(x, products, m, k);
  }
}

// y[m,out] += what the adapter makes of x[m,in].
void addLowRank(const float* x, const LowRank& adapter, float* low, float* y, int64_t m, int64_t out, int64_t in) {
  if (adapter.a == nullptr) return;
  matmul(x, adapter.a, low, {.m = m, .n = adapter.rank, .k = in, .transposeB = true});
  for (int64_t i = 0; i < m * adapter.rank; ++i) low[i] *= adapter.scale;
  matmul(low, adapter.b, y, {.m = m, .n = out, .k = adapter.rank, .transposeB = true, .accumulate = true});
}

// What follows the product [n, heads * headDim] of a projection of normed, which gets its bias and its adapter: y is its norm, turned.
void finishProjection(const DecoderConfig& c, const LayerRows& rows, const float* bias, const LowRank& adapter, const float* norm,
                      float* product, float* rstd, float* y, int64_t heads, bool turn) {
  const int64_t width = heads * c.headDim;
  if (bias) addBias(product, bias, product, rows.n, width);
  addLowRank(rows.normed, adapter, rows.low, product, rows.n, width, c.hiddenSize);
  if (norm) rmsNormForward(product, norm, y, rstd, rows.n * heads, c.headDim, c.rmsNormEps);
  if (turn) ropeApply(norm ? y : product, rows.positions, y, rows.n, heads, c.headDim, c.rope, false);
}

// A matrix that is to be packed; transposed means that of the weight [k, n].
struct PackedMatrix {
  WeightData weight;
  int64_t n, k;
  bool isTransposed;
  float* panels;
};

void packAll(const std::vector<PackedMatrix>& matrices) {
  struct Task {
    const PackedMatrix* matrix;
    int64_t first, last;
  };
  std::vector<Task> tasks;
  for (const PackedMatrix& matrix : matrices) {
    for (int64_t first = 0; first < matrix.n; first += kColumnsAtOnce) {
      tasks.push_back({&matrix, first, std::min(matrix.n, first + kColumnsAtOnce)});
    }
  }
  parallelFor(static_cast<int64_t>(tasks.size()), 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const auto& [matrix, first, last] = tasks[static_cast<size_t>(i)];
      if (matrix->isTransposed) {
        packMatrix(matrix->weight.floats + first, matrix->n, last - first, matrix->k, matrix->panels + first * matrix->k);
      } else {
        packWeight(matrix->weight + first * matrix->k, last - first, matrix->k, matrix->panels + first * matrix->k);
      }
    }
  });
}

}  // namespace

void multiplyWeight(const float* x, WeightData weight, const float* panels, float* y, int64_t m, int64_t n, int64_t k) {
  if (panels) {
    multiplyPanels(x, panels, y, m, n, k);
  } else {
    matmul(x, weight, y, {.m = m, .n = n, .k = k, .transposeB = true});
  }
}

int64_t weightFloats(const DecoderConfig& c) {
  const int64_t attention = 2 * (c.numHeads + c.numKvHeads) * c.headDim * c.hiddenSize;
  return c.numLayers * (attention + 3 * c.intermediateSize * c.hiddenSize) + c.vocabSize * c.hiddenSize;
}

bool isSmallDecoder(const DecoderConfig& config) { return weightFloats(config) <= kSmallDecoderFloats; }

int64_t DecoderPanels::floats(const DecoderConfig& c, Use use) {
  if (!isSmallDecoder(c)) return 0;
  const int64_t d = c.hiddenSize, f = c.intermediateSize, q = c.numHeads * c.headDim, kv = c.numKvHeads * c.headDim;
  const auto both = [use](int64_t n, int64_t k) { return use == Use::gradients ? weightPanelFloats(k, n) : weightPanelFloats(n, k); };
  const int64_t layer = both(q, d) + 2 * both(kv, d) + both(d, q) + 2 * both(f, d) + both(d, f);
  return c.numLayers * layer + (use == Use::layersAndHead ? weightPanelFloats(c.vocabSize, d) : 0);
}

DecoderPanels::DecoderPanels(const DecoderConfig& config, Use use, float* memory)
    : use_(use), memory_(memory), layers_(static_cast<size_t>(config.numLayers)) {}

void DecoderPanels::pack(const DecoderConfig& c, const DecoderWeights& weights) {
  if (!isSmallDecoder(c)) return;
  const int64_t d = c.hiddenSize, f = c.intermediateSize, q = c.numHeads * c.headDim, kv = c.numKvHeads * c.headDim;
  std::vector<PackedMatrix> matrices;
  float* next = memory_;
  const auto add = [&](WeightData weight, int64_t out, int64_t in) {
    const bool isTransposed = use_ == Use::gradients;
    const int64_t n = isTransposed ? in : out, k = isTransposed ? out : in;
    matrices.push_back({weight, n, k, isTransposed, next});
    next += weightPanelFloats(n, k);
    return static_cast<const float*>(matrices.back().panels);
  };
  for (size_t l = 0; l < weights.layers.size(); ++l) {
    const DecoderLayer& layer = weights.layers[l];
    layers_[l] = {add(layer.qProj, q, d),    add(layer.kProj, kv, d), add(layer.vProj, kv, d), add(layer.oProj, d, q),
                  add(layer.gateProj, f, d), add(layer.upProj, f, d), add(layer.downProj, d, f)};
  }
  if (use_ == Use::layersAndHead) head_ = add(weights.head, c.vocabSize, d);
  packAll(matrices);
}

int64_t layerRowFloats(const DecoderConfig& c) {
  return 2 * c.hiddenSize + (2 * c.numHeads + 2 * c.numKvHeads) * c.headDim + 2 * c.intermediateSize + c.adapterRank;
}

LayerRows LayerRows::block(const DecoderConfig& c, int64_t first, int64_t count, bool keptFeedForward) const {
  const int64_t at = first * c.hiddenSize, wide = keptFeedForward ? first * c.intermediateSize : 0;
  LayerRows rows = *this;
  rows.n = count;
  rows.sum += at;
  rows.attended += first * c.numHeads * c.headDim;
  rows.mixed += at;
  rows.postSum += at;
  rows.postNormed += at;
  if (rows.postRstd != nullptr) rows.postRstd += first;
  rows.gate += wide;
  rows.up += wide;
  rows.act += wide;
  rows.fed += at;
  return rows;
}

void LayerParts::norm(const LayerRows& rows) const {
  const DecoderConfig& c = config;
  if (rows.delta == nullptr) {
    rmsNormForward(rows.sum, weights.inputNorm, rows.normed, rows.rstd, rows.n, c.hiddenSize, c.rmsNormEps);
  } else {
    addRmsNormForward(rows.x, rows.delta, weights.inputNorm, rows.sum, rows.normed, rows.rstd, rows.n, c.hiddenSize, c.rmsNormEps);
  }
}

void LayerParts::keysAndValues(const LayerRows& rows) const {
  const int64_t width = config.numKvHeads * config.headDim;
  project(rows.normed, {{weights.kProj, panels.k, rows.kProduct, width}, {weights.vProj, panels.v, rows.v, width}}, rows.n, config.hiddenSize);
  finishKeysAndValues(rows);
}

void LayerParts::queries(const LayerRows& rows) const {
  project(rows.normed, {{weights.qProj, panels.q, rows.qProduct, config.numHeads * config.headDim}}, rows.n, config.hiddenSize);
  finishQueries(rows);
}

void LayerParts::projections(const LayerRows& rows) const {
  const int64_t width = config.numKvHeads * config.headDim;
  project(rows.normed,
          {{weights.qProj, panels.q, rows.qProduct, config.numHeads * config.headDim},
           {weights.kProj, panels.k, rows.kProduct, width},
           {weights.vProj, panels.v, rows.v, width}},
          rows.n, config.hiddenSize);
  finishKeysAndValues(rows);
  finishQueries(rows);
}

void LayerParts::finishKeysAndValues(const LayerRows& rows) const {
  const DecoderConfig& c = config;
  finishProjection(c, rows, weights.kBias, weights.kAdapter, weights.kNorm, rows.kProduct, rows.kRstd, rows.k, c.numKvHeads, true);
  finishProjection(c, rows, weights.vBias, weights.vAdapter, nullptr, rows.v, nullptr, rows.v, c.numKvHeads, false);
}

void LayerParts::finishQueries(const LayerRows& rows) const {
  const DecoderConfig& c = config;
  finishProjection(c, rows, weights.qBias, weights.qAdapter, weights.qNorm, rows.qProduct, rows.qRstd, rows.q, c.numHeads, true);
}

void LayerParts::feedForward(const LayerRows& rows) const {
  const DecoderConfig& c = config;
  const int64_t n = rows.n, d = c.hiddenSize, f = c.intermediateSize, qWidth = c.numHeads * c.headDim;
  multiplyWeight(rows.attended, weights.oProj, panels.o, rows.mixed, n, d, qWidth);
  addLowRank(rows.attended, weights.oAdapter, rows.low, rows.mixed, n, d, qWidth);
  addRmsNormForward(rows.sum, rows.mixed, weights.postNorm, rows.postSum, rows.postNormed, rows.postRstd, n, d, c.rmsNormEps);
  project(rows.postNormed, {{weights.gateProj, panels.gate, rows.gate, f}, {weights.upProj, panels.up, rows.up, f}}, n, d);
  addLowRank(rows.postNormed, weights.gateAdapter, rows.low, rows.gate, n, f, d);
  addLowRank(rows.postNormed, weights.upAdapter, rows.low, rows.up, n, f, d);
  swigluForward(rows.gate, rows.up, rows.act, n * f);
  multiplyWeight(rows.act, weights.downProj, panels.down, rows.fed, n, d, f);
  addLowRank(rows.act, weights.downAdapter, rows.low, rows.fed, n, d, f);
}

}  // namespace parl
