#include "core/cached_decoder.h"

#include <algorithm>
#include <cstring>

#include "core/attention.h"
#include "core/cache_ledger.h"
#include "core/elementwise.h"
#include "core/embedding.h"
#include "core/matmul.h"
#include "core/rms_norm.h"
#include "core/thread_pool.h"
#include "core/weight_panels.h"

namespace parl {
namespace {

// What is used again and again stays in the caches up to this size: the last one is larger, but not ours alone.
constexpr int64_t kCachedFloats = int64_t{3} << 20;

int64_t activationRows(int64_t maxSlots) { return std::max(CachedDecoder::kPrefillRows, maxSlots); }
int64_t logitFloats(const DecoderConfig& c, int64_t maxSlots) {
  // Threads that work on their own rows need their own tiles; the vocabulary is small there.
  return c.vocabSize * (isSmallDecoder(c) ? maxSlots : std::min(maxSlots, CachedDecoder::kLogitRows));
}
KvCacheExtents extentsOf(const DecoderConfig& c, int64_t maxSlots, int64_t maxTokensPerSlot, int64_t cacheTokens) {
  const int64_t most = maxSlots * CacheLedger::rounded(maxTokensPerSlot);
  const int64_t budget = cacheTokens == 0 ? most : std::min(most, cacheTokens / kKeyPanel * kKeyPanel);
  return {maxSlots, maxTokensPerSlot, c.numLayers, c.numKvHeads, c.headDim, budget};
}

}  // namespace

// Buffers of a forward pass, row-major, activationRows() rows each.
struct CachedDecoder::Activations {
  TensorArray x, normed, q, attended, k, v, gate, up, low, logits, hidden;
  std::vector<int32_t> positions, tokens;
};

CachedDecoder::CachedDecoder(const DecoderConfig& config, int64_t maxSlots, int64_t maxTokensPerSlot, int64_t cacheTokens)
    : config_(config),
      cacheExtents_(extentsOf(config, maxSlots, maxTokensPerSlot, cacheTokens)),
      cache_(cacheExtents_),
      activations_(std::make_unique<Activations>()),
      panelMemory_(DecoderPanels::floats(config, DecoderPanels::Use::layersAndHead)),
      panels_(config, DecoderPanels::Use::layersAndHead, panelMemory_.data()) {
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
}

CachedDecoder::~CachedDecoder() = default;

int64_t CachedDecoder::memoryBytes(const DecoderConfig& config, int64_t maxSlots, int64_t maxTokensPerSlot, int64_t cacheTokens) {
  const int64_t floats = activationRows(maxSlots) * (layerRowFloats(config) + 2) + logitFloats(config, maxSlots) +
                         maxSlots * config.hiddenSize + DecoderPanels::floats(config, DecoderPanels::Use::layersAndHead);
  return KvCache::bytes(extentsOf(config, maxSlots, maxTokensPerSlot, cacheTokens)) + floats * static_cast<int64_t>(sizeof(float));
}

int64_t CachedDecoder::sequencesInCache(int64_t tokens) const {
  const int64_t token = 2 * config_.numLayers * config_.numKvHeads * config_.headDim;
  return std::max<int64_t>(0, kCachedFloats - weightFloats(config_)) / (token * tokens);
}

LayerRows CachedDecoder::rowsFrom(int64_t first, int64_t count) const {
  const Activations& a = *activations_;
  const DecoderConfig& c = config_;
  const auto at = [first](const TensorArray& array, int64_t width) { return array.data() + first * width; };
  float *x = at(a.x, c.hiddenSize), *normed = at(a.normed, c.hiddenSize);
  float *q = at(a.q, c.numHeads * c.headDim), *k = at(a.k, c.numKvHeads * c.headDim);
  float* gate = at(a.gate, c.intermediateSize);
  return {.n = count, .positions = a.positions.data() + first,
          .x = x, .delta = nullptr, .sum = x, .normed = normed, .rstd = nullptr,
          .qProduct = q, .kProduct = k, .qRstd = nullptr, .kRstd = nullptr,
          .q = q, .attended = at(a.attended, c.numHeads * c.headDim), .k = k, .v = at(a.v, c.numKvHeads * c.headDim),
          .mixed = normed, .postSum = x, .postNormed = normed, .postRstd = nullptr,
          .gate = gate, .up = at(a.up, c.intermediateSize), .act = gate, .fed = normed, .low = at(a.low, c.adapterRank)};
}

void CachedDecoder::forward(const DecoderWeights& weights, std::span<const CachedRow> rows, int64_t first) {
  const DecoderConfig& c = config_;
  const int64_t d = c.hiddenSize, qWidth = c.numHeads * c.headDim, kvWidth = c.numKvHeads * c.headDim;
  LayerRows own = rowsFrom(first, static_cast<int64_t>(rows.size()));
  int64_t& n = own.n;
  float *const x = own.sum, *const normed = own.normed;
  int32_t *positions = activations_->positions.data() + first, *tokens = activations_->tokens.data() + first;

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
  const bool hasSilentRows = std::any_of(rows.begin(), rows.end(), [](const CachedRow& row) { return row.output < 0; });

  for (size_t l = 0; l < weights.layers.size(); ++l) {
    const LayerParts layer{c, weights.layers[l], panels_.layer(l)};
    const int64_t layerIndex = static_cast<int64_t>(l);
    layer.norm(own);
    own.delta = own.fed;
    // Behind the last layer's keys and values only rows whose output is wanted go on: of a prompt, the last one.
    const bool narrows = l + 1 == weights.layers.size() && hasSilentRows;
    if (narrows) {
      layer.keysAndValues(own);
    } else {
      layer.projections(own);
    }
    parallelFor(static_cast<int64_t>(keyRuns.size()), 1, [&](int64_t begin, int64_t end) {
      for (int64_t r = begin; r < end; ++r) {
        const Run& run = keyRuns[static_cast<size_t>(r)];
        float* keys = cache_.keys(run.slot, layerIndex);
        float* values = cache_.values(run.slot, layerIndex);
        for (int64_t head = 0; head < c.numKvHeads; ++head) {
          packKeys(own.k + run.row * kvWidth + head * c.headDim, kvWidth, run.position, run.count, c.headDim,
                   keys + head * cache_.keyHeadStride());
          float* to = values + head * cache_.valueHeadStride() + run.position * c.headDim;
          const float* from = own.v + run.row * kvWidth + head * c.headDim;
          for (int64_t i = 0; i < run.count; ++i) {
            std::memcpy(to + i * c.headDim, from + i * kvWidth, static_cast<size_t>(c.headDim) * sizeof(float));
          }
        }
      }
    });

    if (narrows) {
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
      if (kept == 0) return;
      queries.resize(kept);
      queryRuns = runsOf(queries);
      n = static_cast<int64_t>(kept);
      layer.queries(own);
    }

    segments.clear();
    for (const Run& run : queryRuns) {
      segments.push_back({.q = own.q + run.row * qWidth,
                          .out = own.attended + run.row * qWidth,
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
    layer.feedForward(own);
  }
  add(x, normed, x, n * d);
  for (int64_t i = 0; i < n; ++i) {
    std::memcpy(activations_->hidden.data() + queries[static_cast<size_t>(i)].output * d, x + i * d, static_cast<size_t>(d) * sizeof(float));
  }
}

const float* CachedDecoder::logits(const DecoderWeights& weights, int64_t first, int64_t count) {
  const int64_t d = config_.hiddenSize, v = config_.vocabSize;
  float* normed = activations_->normed.data() + first * d;
  float* logits = activations_->logits.data() + (isSmall() ? first : 0) * v;
  rmsNormForward(activations_->hidden.data() + first * d, weights.finalNorm, normed, nullptr, count, d, config_.rmsNormEps);
  if (panels_.head() != nullptr) {
    multiplyPanels(normed, panels_.head(), logits, count, v, d);
  } else {
    matmul(normed, weights.head, logits, {.m = count, .n = v, .k = d, .transposeB = true});
  }
  return logits;
}

void CachedDecoder::copyHidden(int64_t from, int64_t to) {
  const int64_t d = config_.hiddenSize;
  std::memcpy(activations_->hidden.data() + to * d, activations_->hidden.data() + from * d, static_cast<size_t>(d) * sizeof(float));
}

}  // namespace parl
