#include "core/score_tokens.h"

#include <algorithm>
#include <array>
#include <vector>

#include "core/decoder_layer.h"
#include "core/embedding.h"
#include "core/linear_logprob.h"
#include "core/rms_norm.h"
#include "core/scratch.h"
#include "core/sequence_parts.h"

namespace parl {
namespace {

struct Call {
  const DecoderConfig& config;
  const DecoderWeights& weights;
  const DecoderPanels& panels;
  const ScoredTokens& scored;
  const SequenceParts& parts;
  float temperature;
  float *logprobs, *entropies;
};

// Scores a part.
class PartScorer {
 public:
  PartScorer(const Call& call, const SequencePart& part)
      : call_(call), feedForwardRows_(call.parts.feedForwardRows()), memory_(sizes(call, part.rows(), part.targetCount())) {}

  void score(const SequencePart& part) {
    const DecoderConfig& c = call_.config;
    const int64_t d = c.hiddenSize, count = part.targetCount();
    LayerRows rows = allRows(part);
    embeddingForward(call_.weights.embedding, call_.scored.tokens + part.firstRow, rows.sum, rows.n, d);
    const PartSegments segments(call_.scored.segments, part);
    for (size_t l = 0; l < call_.weights.layers.size(); ++l) {
      const LayerParts layer{c, call_.weights.layers[l], call_.panels.layer(l)};
      layer.norm(rows);
      layer.projections(rows);
      attentionForward(rows.q, rows.k, rows.v, segments.segments(), rows.attended, nullptr, {c.numHeads, c.numKvHeads, c.headDim});
      if (l + 1 == call_.weights.layers.size()) rows = targetRows(part, rows);
      for (int64_t first = 0; first < rows.n; first += feedForwardRows_) {
        layer.feedForward(rows.block(c, first, std::min(feedForwardRows_, rows.n - first), false));
      }
      rows.delta = rows.fed;
    }
    addRmsNormForward(rows.x, rows.delta, call_.weights.finalNorm, rows.sum, rows.normed, nullptr, count, d, c.rmsNormEps);
    head(part, rows.normed);
  }

 private:
  enum Array : size_t { x, normed, q, attended, k, v, gate, up, low, sums, targetX, targetAttended, hidden, logprobs, entropies, arrays };
  static std::array<int64_t, arrays> sizes(const Call& call, int64_t rows, int64_t targets) {
    const DecoderConfig& c = call.config;
    const int64_t d = c.hiddenSize, qWidth = c.numHeads * c.headDim, kvWidth = c.numKvHeads * c.headDim;
    const int64_t wide = std::min(call.parts.feedForwardRows(), std::max(rows, targets)) * c.intermediateSize;
    return {rows * d, rows * d, rows * qWidth, rows * qWidth, rows * kvWidth, rows * kvWidth, wide, wide, std::max(rows, targets) * c.adapterRank,
            targets, targets * d, targets * qWidth, targets * d, targets, targets};
  }

  LayerRows allRows(const SequencePart& part) const {
    return {.n = part.rows(), .positions = call_.parts.positions.data() + part.firstRow,
            .x = memory_[x], .delta = nullptr, .sum = memory_[x], .normed = memory_[normed], .rstd = nullptr,
            .qProduct = memory_[q], .kProduct = memory_[k], .qRstd = nullptr, .kRstd = nullptr,
            .q = memory_[q], .attended = memory_[attended], .k = memory_[k], .v = memory_[v],
            .mixed = memory_[normed], .postSum = memory_[x], .postNormed = memory_[normed], .postRstd = nullptr,
            .gate = memory_[gate], .up = memory_[up], .act = memory_[gate], .fed = memory_[normed], .low = memory_[low]};
  }

  // Past the last attention only the rows of targets go on, one for each.
  LayerRows targetRows(const SequencePart& part, LayerRows rows) {
    const int64_t d = call_.config.hiddenSize, width = call_.config.numHeads * call_.config.headDim;
    for (int64_t i = 0; i < part.targetCount(); ++i) {
      const int64_t row = call_.scored.targetRows[part.targets[static_cast<size_t>(i)]] - part.firstRow;
      std::copy_n(rows.sum + row * d, d, memory_[targetX] + i * d);
      std::copy_n(rows.attended + row * width, width, memory_[targetAttended] + i * width);
    }
    rows.n = part.targetCount();
    rows.x = rows.sum = rows.postSum = memory_[targetX];
    rows.attended = memory_[targetAttended];
    rows.normed = rows.mixed = rows.postNormed = rows.fed = memory_[hidden];
    return rows;
  }

  void head(const SequencePart& part, const float* states) const {
    const DecoderConfig& c = call_.config;
    std::vector<int32_t> targets;
    for (const int64_t target : part.targets) targets.push_back(call_.scored.targets[target]);
    linearLogprobForward(states, {call_.weights.head, call_.panels.head()}, targets.data(),
                         {part.targetCount(), c.hiddenSize, c.vocabSize, call_.temperature}, memory_[logprobs],
                         call_.entropies == nullptr ? nullptr : memory_[entropies], memory_[sums]);
    for (size_t i = 0; i < part.targets.size(); ++i) {
      call_.logprobs[part.targets[i]] = memory_[logprobs][i];
      if (call_.entropies != nullptr) call_.entropies[part.targets[i]] = memory_[entropies][i];
    }
  }

  const Call& call_;
  const int64_t feedForwardRows_;
  const ScratchArrays<arrays> memory_;
};

}  // namespace

void scoreTokens(const DecoderConfig& config, const DecoderWeights& weights, const ScoredTokens& scored, float temperature,
                 float* logprobs, float* entropies) {
  const SequenceParts parts(config, scored.segments, {scored.targetRows, static_cast<size_t>(scored.targetCount)});
  if (parts.mostTargets == 0) return;
  const Scratch memory(DecoderPanels::floats(config, DecoderPanels::Use::layersAndHead));
  DecoderPanels panels(config, DecoderPanels::Use::layersAndHead, memory.data());
  panels.pack(config, weights);
  const Call call{config, weights, panels, scored, parts, temperature, logprobs, entropies};
  parts.run([&](const SequencePart& part) {
    if (!part.targets.empty()) PartScorer(call, part).score(part);
  });
}

}  // namespace parl
