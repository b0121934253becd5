#include "core/cached_decoder.h"

#include <algorithm>
#include <cstring>

#include "core/attention.h"
#include "core/bias.h"
#include "core/cache_ledger.h"
#include "core/elementwise.h"
#include "core/embedding.h"
#include "core/matmul.h"
#include "core/rms_norm.h"
#include "core/swiglu.h"
#include "core/tensor_memory.h"
#include "core/thread_pool.h"
#include "core/weight_panels.h"

namespace parl {
namespace {

// Up to this size a model is small: it stays in the caches. Then its matrices are packed once a call, not once a token, and
// every thread runs its own rows through all layers, which saves some 50 barriers a token. Larger weights come from
// memory: they are read in place, and the threads share each product, so that every weight is read once.
constexpr int64_t kSmallModelFloats = int64_t{8} << 20;

// What is used again and again stays in the caches up to this size: the last one is larger, but not ours alone.
constexpr int64_t kCachedFloats = int64_t{3} << 20;

int64_t activationRows(int64_t maxSlots) { return std::max(CachedDecoder::kPrefillRows, maxSlots); }
int64_t weightFloats(const DecoderConfig& c) {
  const int64_t attention = 2 * (c.numHeads + c.numKvHeads) * c.headDim * c.hiddenSize;
  return c.numLayers * (attention + 3 * c.intermediateSize * c.hiddenSize) + c.vocabSize * c.hiddenSize;
}
bool isSmallModel(const DecoderConfig& c) { return weightFloats(c) <= kSmallModelFloats; }
int64_t panelFloats(const DecoderConfig& c) {
  if (!isSmallModel(c)) return 0;
  const int64_t d = c.hiddenSize, f = c.intermediateSize, q = c.numHeads * c.headDim, kv = c.numKvHeads * c.headDim;
  const int64_t layer = weightPanelFloats(q, d) + 2 * weightPanelFloats(kv, d) + weightPanelFloats(d, q) +
                        2 * weightPanelFloats(f, d) + weightPanelFloats(d, f);
  return c.numLayers * layer + weightPanelFloats(c.vocabSize, d);
}
int64_t logitFloats(const DecoderConfig& c, int64_t maxSlots) {
  // Threads that work on their own rows need their own tiles; the vocabulary is small there.
  return c.vocabSize * (isSmallModel(c) ? maxSlots : std::min(maxSlots, CachedDecoder::kLogitRows));
}
int64_t floatsPerRow(const DecoderConfig& c) {
  return 2 * c.hiddenSize + (2 * c.numHeads + 2 * c.numKvHeads) * c.headDim + 2 * c.intermediateSize + c.adapterRank;
}
KvCacheExtents extentsOf(const DecoderConfig& c, int64_t maxSlots, int64_t maxTokensPerSlot, int64_t cacheTokens) {
  const int64_t most = maxSlots * CacheLedger::rounded(maxTokensPerSlot);
  const int64_t budget = cacheTokens == 0 ? most : std::min(most, cacheTokens / kKeyPanel * kKeyPanel);
  return {maxSlots, maxTokensPerSlot, c.numLayers, c.numKvHeads, c.headDim, budget};
}

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

}  // namespace

// Buffers of a forward pass, row-major, activationRows() rows each.
struct CachedDecoder::Activations {
  TensorArray x, normed, q, attended, k, v, gate, up, low, logits, hidden;
  std::vector<int32_t> positions, tokens;
};

// The matrices of a small model in panels, in the order of pack(); empty otherwise.
struct CachedDecoder::Panels {
  struct Layer {
    const float *q, *k, *v, *o, *gate, *up, *down;
  };
  TensorArray data;
  std::vector<Layer> layers;
  const float* head = nullptr;
};

CachedDecoder::CachedDecoder(const DecoderConfig& config, int64_t maxSlots, int64_t maxTokensPerSlot, int64_t cacheTokens)
    : config_(config),
      cacheExtents_(extentsOf(config, maxSlots, maxTokensPerSlot, cacheTokens)),
      cache_(cacheExtents_),
      activations_(std::make_unique<Activations>()),
      panels_(std::make_unique<Panels>()) {
  const int64_t rows = activationRows(maxSlots);
  const auto rowsOf = [rows](int64_t floats) { return TensorArray(rows * floats); };
  Activations& a = *activations_;
  a.x = rowsOf(config.hiddenSize);
  a.normed = rowsOf(config.hiddenSize);
  a.q = rowsOf(config.numHeads * config.headDim);
  a.attended = rowsOf(config.numHeads * config.headDim);
  a.k = rowsOf(config.numKvHeads * config.headDim);
  a.v = rowsOf(config.numKvHeads * config.headDim);
  a.gate = rowsOf(config.intermediateSize);
  a.up = rowsOf(config.intermediateSize);
  a.low = rowsOf(config.adapterRank);
  a.positions.resize(static_cast<size_t>(rows));
  a.tokens.resize(static_cast<size_t>(rows));
  a.logits = TensorArray(logitFloats(config, maxSlots));
  a.hidden = TensorArray(maxSlots * config.hiddenSize);
  panels_->data = TensorArray(panelFloats(config));
}

CachedDecoder::~CachedDecoder() = default;

int64_t CachedDecoder::memoryBytes(const DecoderConfig& config, int64_t maxSlots, int64_t maxTokensPerSlot, int64_t cacheTokens) {
  const int64_t floats = activationRows(maxSlots) * (floatsPerRow(config) + 2) + logitFloats(config, maxSlots) +
                         maxSlots * config.hiddenSize + panelFloats(config);
  return KvCache::bytes(extentsOf(config, maxSlots, maxTokensPerSlot, cacheTokens)) + floats * static_cast<int64_t>(sizeof(float));
}

bool CachedDecoder::isSmall() const { return isSmallModel(config_); }

int64_t CachedDecoder::sequencesInCache(int64_t tokens) const {
  const int64_t token = 2 * config_.numLayers * config_.numKvHeads * config_.headDim;
  return std::max<int64_t>(0, kCachedFloats - weightFloats(config_)) / (token * tokens);
}

void CachedDecoder::pack(const DecoderWeights& weights) {
  const DecoderConfig& c = config_;
  const int64_t d = c.hiddenSize, f = c.intermediateSize, q = c.numHeads * c.headDim, kv = c.numKvHeads * c.headDim;
  Panels& panels = *panels_;
  panels.layers.assign(weights.layers.size(), {});
  panels.head = nullptr;
  if (panelFloats(config_) == 0) return;
  float* next = panels.data.data();
  const auto pack = [&next](WeightData weight, int64_t n, int64_t k) {
    float* to = next;
    packWeight(weight, n, k, to);
    next += weightPanelFloats(n, k);
    return to;
  };
  for (size_t l = 0; l < weights.layers.size(); ++l) {
    const DecoderLayer& layer = weights.layers[l];
    panels.layers[l] = {pack(layer.qProj, q, d),    pack(layer.kProj, kv, d), pack(layer.vProj, kv, d), pack(layer.oProj, d, q),
                        pack(layer.gateProj, f, d), pack(layer.upProj, f, d), pack(layer.downProj, d, f)};
  }
  panels.head = pack(weights.head, c.vocabSize, d);
}

void CachedDecoder::forward(const DecoderWeights& weights, std::span<const CachedRow> rows, int64_t first) {
  const DecoderConfig& c = config_;
  const int64_t d = c.hiddenSize, qWidth = c.numHeads * c.headDim, kvWidth = c.numKvHeads * c.headDim;
  const int64_t f = c.intermediateSize;
  int64_t n = static_cast<int64_t>(rows.size());
  Activations& a = *activations_;
  float *x = a.x.data() + first * d, *normed = a.normed.data() + first * d;
  float *q = a.q.data() + first * qWidth, *attended = a.attended.data() + first * qWidth;
  float *k = a.k.data() + first * kvWidth, *v = a.v.data() + first * kvWidth;
  float *gate = a.gate.data() + first * f, *up = a.up.data() + first * f;
  float* low = a.low.data() + first * c.adapterRank;
  int32_t *positions = a.positions.data() + first, *tokens = a.tokens.data() + first;

  for (int64_t i = 0; i < n; ++i) {
    tokens[i] = rows[static_cast<size_t>(i)].token;
    positions[i] = rows[static_cast<size_t>(i)].position;
  }
  embeddingForward(weights.embedding, tokens, x, n, d);

  // Rows of one slot at neighbouring positions are one segment: of the keys to store, and of the queries.
  struct Run {
    int64_t row, count;
    int slot;
    int32_t position;
  };
  const auto runsOf = [](const std::vector<CachedRow>& list) {
    std::vector<Run> runs;
    for (size_t i = 0; i < list.size(); ++i) {
      const bool follows = i > 0 && list[i].slot == list[i - 1].slot && list[i].position == list[i - 1].position + 1;
      if (follows) {
        ++runs.back().count;
      } else {
        runs.push_back({static_cast<int64_t>(i), 1, list[i].slot, list[i].position});
      }
    }
    return runs;
  };
  std::vector<CachedRow> queries(rows.begin(), rows.end());
  const std::vector<Run> keyRuns = runsOf(queries);
  std::vector<Run> queryRuns = keyRuns;
  std::vector<AttentionSegment> segments;

  // The same operations in the same order as in training.
  const auto addLowRank = [low](const float* x, const LowRank& adapter, float* y, int64_t m, int64_t out, int64_t in) {
    if (adapter.a == nullptr) return;
    matmul(x, adapter.a, low, {.m = m, .n = adapter.rank, .k = in, .transposeB = true});
    for (int64_t i = 0; i < m * adapter.rank; ++i) low[i] *= adapter.scale;
    matmul(low, adapter.b, y, {.m = m, .n = out, .k = adapter.rank, .transposeB = true, .accumulate = true});
  };

  for (size_t l = 0; l < weights.layers.size(); ++l) {
    const DecoderLayer& layer = weights.layers[l];
    const Panels::Layer& panels = panels_->layers[l];
    const int64_t layerIndex = static_cast<int64_t>(l);
    if (layerIndex == 0) {
      rmsNormForward(x, layer.inputNorm, normed, nullptr, n, d, c.rmsNormEps);
    } else {
      addRmsNormForward(x, normed, layer.inputNorm, x, normed, nullptr, n, d, c.rmsNormEps);  // what the layer before adds
    }

    // What follows the product of a projection.
    const auto finish = [&](const float* bias, const LowRank& adapter, const float* norm, float* y, int64_t heads, bool turn) {
      const int64_t width = heads * c.headDim;
      if (bias) addBias(y, bias, y, n, width);
      addLowRank(normed, adapter, y, n, width, d);
      if (norm) rmsNormForward(y, norm, y, nullptr, n * heads, c.headDim, c.rmsNormEps);
      if (turn) ropeApply(y, positions, y, n, heads, c.headDim, c.rope, false);
    };
    multiplyBoth(normed, {layer.kProj, k, kvWidth}, panels.k, {layer.vProj, v, kvWidth}, panels.v, n, d);
    finish(layer.kBias, layer.kAdapter, layer.kNorm, k, c.numKvHeads, true);
    finish(layer.vBias, layer.vAdapter, nullptr, v, c.numKvHeads, false);
    parallelFor(static_cast<int64_t>(keyRuns.size()), 1, [&](int64_t begin, int64_t end) {
      for (int64_t r = begin; r < end; ++r) {
        const Run& run = keyRuns[static_cast<size_t>(r)];
        float* keys = cache_.keys(run.slot, layerIndex);
        float* values = cache_.values(run.slot, layerIndex);
        for (int64_t head = 0; head < c.numKvHeads; ++head) {
          packKeys(k + run.row * kvWidth + head * c.headDim, kvWidth, run.position, run.count, c.headDim,
                   keys + head * cache_.keyHeadStride());
          float* to = values + head * cache_.valueHeadStride() + run.position * c.headDim;
          const float* from = v + run.row * kvWidth + head * c.headDim;
          for (int64_t i = 0; i < run.count; ++i) {
            std::memcpy(to + i * c.headDim, from + i * kvWidth, static_cast<size_t>(c.headDim) * sizeof(float));
          }
        }
      }
    });

    // Behind the last layer's keys and values only rows whose output is wanted go on: of a prompt, the last one.
    if (l + 1 == weights.layers.size()) {
      size_t kept = 0;
      for (size_t i = 0; i < queries.size(); ++i) {
        if (queries[i].output < 0) continue;
        if (kept != i) {
          std::memcpy(x + kept * static_cast<size_t>(d), x + i * static_cast<size_t>(d), static_cast<size_t>(d) * sizeof(float));
          std::memcpy(normed + kept * static_cast<size_t>(d), normed + i * static_cast<size_t>(d), static_cast<size_t>(d) * sizeof(float));
          queries[kept] = queries[i];
          positions[kept] = positions[i];
        }
        ++kept;
      }
      if (kept < queries.size()) {
        queries.resize(kept);
        queryRuns = runsOf(queries);
        n = static_cast<int64_t>(kept);
      }
      if (n == 0) return;
    }

    multiply(normed, layer.qProj, panels.q, q, n, qWidth, d);
    finish(layer.qBias, layer.qAdapter, layer.qNorm, q, c.numHeads, true);
    segments.clear();
    for (const Run& run : queryRuns) {
      segments.push_back({.q = q + run.row * qWidth,
                          .out = attended + run.row * qWidth,
                          .lse = nullptr,
                          .queries = run.count,
                          .firstPosition = run.position,
                          .keyPanels = cache_.keys(run.slot, layerIndex),
                          .keyHeadStride = cache_.keyHeadStride(),
                          .values = cache_.values(run.slot, layerIndex),
                          .valueHeadStride = cache_.valueHeadStride(),
                          .valueKeyStride = c.headDim});
    }
    attentionSegments(segments.data(), static_cast<int64_t>(segments.size()), {c.numHeads, c.numKvHeads, c.headDim});
    multiply(attended, layer.oProj, panels.o, normed, n, d, qWidth);
    addLowRank(attended, layer.oAdapter, normed, n, d, qWidth);
    addRmsNormForward(x, normed, layer.postNorm, x, normed, nullptr, n, d, c.rmsNormEps);
    multiplyBoth(normed, {layer.gateProj, gate, f}, panels.gate, {layer.upProj, up, f}, panels.up, n, d);
    addLowRank(normed, layer.gateAdapter, gate, n, f, d);
    addLowRank(normed, layer.upAdapter, up, n, f, d);
    swigluForward(gate, up, gate, n * f);
    multiply(gate, layer.downProj, panels.down, normed, n, d, f);
    addLowRank(gate, layer.downAdapter, normed, n, d, f);
  }
  add(x, normed, x, n * d);
  for (int64_t i = 0; i < n; ++i) {
    std::memcpy(a.hidden.data() + queries[static_cast<size_t>(i)].output * d, x + i * d, static_cast<size_t>(d) * sizeof(float));
  }
}

const float* CachedDecoder::logits(const DecoderWeights& weights, int64_t first, int64_t count) {
  const int64_t d = config_.hiddenSize, v = config_.vocabSize;
  float* normed = activations_->normed.data() + first * d;
  float* logits = activations_->logits.data() + (isSmall() ? first : 0) * v;
  rmsNormForward(activations_->hidden.data() + first * d, weights.finalNorm, normed, nullptr, count, d, config_.rmsNormEps);
  multiply(normed, weights.head, panels_->head, logits, count, v, d);
  return logits;
}

void CachedDecoder::copyHidden(int64_t from, int64_t to) {
  const int64_t d = config_.hiddenSize;
  std::memcpy(activations_->hidden.data() + to * d, activations_->hidden.data() + from * d, static_cast<size_t>(d) * sizeof(float));
}

}  // namespace parl
