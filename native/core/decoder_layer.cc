#include "core/decoder_layer.h"

#include "core/bias.h"
#include "core/matmul.h"
#include "core/rms_norm.h"
#include "core/swiglu.h"
#include "core/weight_panels.h"

namespace parl {
namespace {

constexpr int64_t kSmallDecoderFloats = int64_t{8} << 20;

// out[m,n] = x[m,k] weight^T; from the panels where there are some, with the same bits.
void multiply(const float* x, WeightData weight, const float* panels, float* out, int64_t m, int64_t n, int64_t k) {
  if (panels) {
    multiplyPanels(x, panels, out, m, n, k);
  } else {
    matmul(x, weight, out, {.m = m, .n = n, .k = k, .transposeB = true});
  }
}
// Two of them with the same rows.
void multiplyBoth(const float* x, const WeightProduct& first, const float* firstPanels, const WeightProduct& second,
                  const float* secondPanels, int64_t m, int64_t k) {
  if (firstPanels && secondPanels) {
    multiplyPanels(x, firstPanels, first.out, m, first.n, k);
    multiplyPanels(x, secondPanels, second.out, m, second.n, k);
  } else {
    const WeightProduct both[] = {first, second};
    matmulEach(x, both, m, k);
  }
}

// y[m,out] += what the adapter makes of x[m,in].
void addLowRank(const float* x, const LowRank& adapter, float* low, float* y, int64_t m, int64_t out, int64_t in) {
  if (adapter.a == nullptr) return;
  matmul(x, adapter.a, low, {.m = m, .n = adapter.rank, .k = in, .transposeB = true});
  for (int64_t i = 0; i < m * adapter.rank; ++i) low[i] *= adapter.scale;
  matmul(low, adapter.b, y, {.m = m, .n = out, .k = adapter.rank, .transposeB = true, .accumulate = true});
}

// What follows the product of a projection of normed: y [n, heads * headDim] gets its bias, its adapter, its norm, its turn.
void finishProjection(const DecoderConfig& c, const LayerRows& rows, const float* bias, const LowRank& adapter, const float* norm, float* y,
                      int64_t heads, bool turn) {
  const int64_t width = heads * c.headDim;
  if (bias) addBias(y, bias, y, rows.n, width);
  addLowRank(rows.normed, adapter, rows.low, y, rows.n, width, c.hiddenSize);
  if (norm) rmsNormForward(y, norm, y, nullptr, rows.n * heads, c.headDim, c.rmsNormEps);
  if (turn) ropeApply(y, rows.positions, y, rows.n, heads, c.headDim, c.rope, false);
}

}  // namespace

int64_t weightFloats(const DecoderConfig& c) {
  const int64_t attention = 2 * (c.numHeads + c.numKvHeads) * c.headDim * c.hiddenSize;
  return c.numLayers * (attention + 3 * c.intermediateSize * c.hiddenSize) + c.vocabSize * c.hiddenSize;
}

bool isSmallDecoder(const DecoderConfig& config) { return weightFloats(config) <= kSmallDecoderFloats; }

int64_t DecoderPanels::floats(const DecoderConfig& c) {
  if (!isSmallDecoder(c)) return 0;
  const int64_t d = c.hiddenSize, f = c.intermediateSize, q = c.numHeads * c.headDim, kv = c.numKvHeads * c.headDim;
  const int64_t layer = weightPanelFloats(q, d) + 2 * weightPanelFloats(kv, d) + weightPanelFloats(d, q) +
                        2 * weightPanelFloats(f, d) + weightPanelFloats(d, f);
  return c.numLayers * layer + weightPanelFloats(c.vocabSize, d);
}

DecoderPanels::DecoderPanels(const DecoderConfig& config) : data_(floats(config)), layers_(static_cast<size_t>(config.numLayers)) {}

void DecoderPanels::pack(const DecoderConfig& c, const DecoderWeights& weights) {
  if (!isSmallDecoder(c)) return;
  const int64_t d = c.hiddenSize, f = c.intermediateSize, q = c.numHeads * c.headDim, kv = c.numKvHeads * c.headDim;
  float* next = data_.data();
  const auto pack = [&next](WeightData weight, int64_t n, int64_t k) {
    float* to = next;
    packWeight(weight, n, k, to);
    next += weightPanelFloats(n, k);
    return to;
  };
  for (size_t l = 0; l < weights.layers.size(); ++l) {
    const DecoderLayer& layer = weights.layers[l];
    layers_[l] = {pack(layer.qProj, q, d),    pack(layer.kProj, kv, d), pack(layer.vProj, kv, d), pack(layer.oProj, d, q),
                  pack(layer.gateProj, f, d), pack(layer.upProj, f, d), pack(layer.downProj, d, f)};
  }
  head_ = pack(weights.head, c.vocabSize, d);
}

int64_t layerRowFloats(const DecoderConfig& c) {
  return 2 * c.hiddenSize + (2 * c.numHeads + 2 * c.numKvHeads) * c.headDim + 2 * c.intermediateSize + c.adapterRank;
}

LayerRows LayerRows::from(const DecoderConfig& c, int64_t first, int64_t count) const {
  const int64_t atQ = first * c.numHeads * c.headDim, atK = first * c.numKvHeads * c.headDim;
  return {count,          positions + first, x + first * c.hiddenSize, normed + first * c.hiddenSize, q + atQ, attended + atQ, k + atK, v + atK,
          gate, up, low};
}

void LayerParts::norm(const LayerRows& rows, bool isFirst) const {
  const DecoderConfig& c = config;
  if (isFirst) {
    rmsNormForward(rows.x, weights.inputNorm, rows.normed, nullptr, rows.n, c.hiddenSize, c.rmsNormEps);
  } else {
    addRmsNormForward(rows.x, rows.normed, weights.inputNorm, rows.x, rows.normed, nullptr, rows.n, c.hiddenSize, c.rmsNormEps);
  }
}

void LayerParts::keysAndValues(const LayerRows& rows) const {
  const int64_t width = config.numKvHeads * config.headDim;
  multiplyBoth(rows.normed, {weights.kProj, rows.k, width}, panels.k, {weights.vProj, rows.v, width}, panels.v, rows.n, config.hiddenSize);
  finishProjection(config, rows, weights.kBias, weights.kAdapter, weights.kNorm, rows.k, config.numKvHeads, true);
  finishProjection(config, rows, weights.vBias, weights.vAdapter, nullptr, rows.v, config.numKvHeads, false);
}

void LayerParts::queries(const LayerRows& rows) const {
  multiply(rows.normed, weights.qProj, panels.q, rows.q, rows.n, config.numHeads * config.headDim, config.hiddenSize);
  finishProjection(config, rows, weights.qBias, weights.qAdapter, weights.qNorm, rows.q, config.numHeads, true);
}

void LayerParts::feedForward(const LayerRows& rows) const {
  const DecoderConfig& c = config;
  const int64_t n = rows.n, d = c.hiddenSize, f = c.intermediateSize, qWidth = c.numHeads * c.headDim;
  multiply(rows.attended, weights.oProj, panels.o, rows.normed, n, d, qWidth);
  addLowRank(rows.attended, weights.oAdapter, rows.low, rows.normed, n, d, qWidth);
  addRmsNormForward(rows.x, rows.normed, weights.postNorm, rows.x, rows.normed, nullptr, n, d, c.rmsNormEps);
  multiplyBoth(rows.normed, {weights.gateProj, rows.gate, f}, panels.gate, {weights.upProj, rows.up, f}, panels.up, n, d);
  addLowRank(rows.normed, weights.gateAdapter, rows.low, rows.gate, n, f, d);
  addLowRank(rows.normed, weights.upAdapter, rows.low, rows.up, n, f, d);
  swigluForward(rows.gate, rows.up, rows.gate, n * f);
  multiply(rows.gate, weights.downProj, panels.down, rows.normed, n, d, f);
  addLowRank(rows.gate, weights.downAdapter, rows.low, rows.normed, n, d, f);
}

}  // namespace parl
