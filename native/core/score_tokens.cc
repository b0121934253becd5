#include "core/score_tokens.h"

#include <algorithm>
#include <vector>

#include "core/decoder_layer.h"
#include "core/embedding.h"
#include "core/linear_logprob.h"
#include "core/rms_norm.h"
#include "core/sequence_parts.h"
#include "core/tensor_memory.h"

namespace parl {
namespace {

// Scores parts, one at a time; each thread that works apart has one.
class PartScorer {
 public:
  struct Call {
    const DecoderConfig& config;
    const DecoderWeights& weights;
    const DecoderPanels& panels;
    const ScoredTokens& scored;
    const SequenceParts& parts;
    float temperature;
    float *logprobs, *entropies;
  };

  explicit PartScorer(const Call& call) : call_(call), feedForwardRows_(call.parts.feedForwardRows()) {
    const DecoderConfig& c = call.config;
    const int64_t rows = call.parts.mostRows, targets = call.parts.mostTargets;
    const int64_t d = c.hiddenSize, q = c.numHeads * c.headDim, kv = c.numKvHeads * c.headDim;
    x_ = TensorArray(rows * d);
    normed_ = TensorArray(rows * d);
    q_ = TensorArray(rows * q);
    attended_ = TensorArray(rows * q);
    k_ = TensorArray(rows * kv);
    v_ = TensorArray(rows * kv);
    gate_ = TensorArray(feedForwardRows_ * c.intermediateSize);
    up_ = TensorArray(feedForwardRows_ * c.intermediateSize);
    low_ = TensorArray(std::max(rows, targets) * c.adapterRank);
    sums_ = TensorArray(targets);
    stream_ = TensorArray(targets * d);
    mixed_ = TensorArray(targets * q);
    hidden_ = TensorArray(targets * d);
    logprobs_ = TensorArray(targets);
    entropies_ = TensorArray(targets);
  }

  void score(const SequencePart& part) {
    if (part.targets.empty()) return;
    const DecoderConfig& c = call_.config;
    const int64_t d = c.hiddenSize, count = part.targetCount();
    LayerRows rows = allRows(part);
    embeddingForward(call_.weights.embedding, call_.scored.tokens + part.firstRow, rows.sum, rows.n, d);
    const PartSegments segments(call_.scored.segments, part);
    for (size_t l = 0; l < call_.weights.layers.size(); ++l) {
      const LayerParts layer{c, call_.weights.layers[l], call_.panels.layer(l)};
      layer.norm(rows);
      layer.keysAndValues(rows);
      layer.queries(rows);
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
  LayerRows allRows(const SequencePart& part) const {
    return {.n = part.rows(), .positions = call_.parts.positions.data() + part.firstRow,
            .x = x_.data(), .delta = nullptr, .sum = x_.data(), .normed = normed_.data(), .rstd = nullptr,
            .qProduct = q_.data(), .kProduct = k_.data(), .qRstd = nullptr, .kRstd = nullptr,
            .q = q_.data(), .attended = attended_.data(), .k = k_.data(), .v = v_.data(),
            .mixed = normed_.data(), .postSum = x_.data(), .postNormed = normed_.data(), .postRstd = nullptr,
            .gate = gate_.data(), .up = up_.data(), .act = gate_.data(), .fed = normed_.data(), .low = low_.data()};
  }

  // Past the last attention only the rows of targets go on, one for each.
  LayerRows targetRows(const SequencePart& part, LayerRows rows) {
    const int64_t d = call_.config.hiddenSize, q = call_.config.numHeads * call_.config.headDim;
    for (int64_t i = 0; i < part.targetCount(); ++i) {
      const int64_t row = call_.scored.targetRows[part.targets[static_cast<size_t>(i)]] - part.firstRow;
      std::copy_n(rows.sum + row * d, d, stream_.data() + i * d);
      std::copy_n(rows.attended + row * q, q, mixed_.data() + i * q);
    }
    rows.n = part.targetCount();
    rows.x = rows.sum = rows.postSum = stream_.data();
    rows.attended = mixed_.data();
    rows.normed = rows.mixed = rows.postNormed = rows.fed = hidden_.data();
    return rows;
  }

  void head(const SequencePart& part, const float* hidden) {
    const DecoderConfig& c = call_.config;
    targets_.clear();
    for (const int64_t target : part.targets) targets_.push_back(call_.scored.targets[target]);
    float* const entropies = call_.entropies == nullptr ? nullptr : entropies_.data();
    linearLogprobForward(hidden, {call_.weights.head, call_.panels.head()}, targets_.data(),
                         {part.targetCount(), c.hiddenSize, c.vocabSize, call_.temperature}, logprobs_.data(), entropies, sums_.data());
    for (size_t i = 0; i < part.targets.size(); ++i) {
      call_.logprobs[part.targets[i]] = logprobs_.data()[i];
      if (entropies != nullptr) call_.entropies[part.targets[i]] = entropies[i];
    }
  }

  const Call& call_;
  int64_t feedForwardRows_;
  TensorArray x_, normed_, q_, attended_, k_, v_, gate_, up_, low_, sums_, stream_, mixed_, hidden_, logprobs_, entropies_;
  std::vector<int32_t> targets_;
};

}  // namespace

void scoreTokens(const DecoderConfig& config, const DecoderWeights& weights, const ScoredTokens& scored, float temperature,
                 float* logprobs, float* entropies) {
  const SequenceParts parts(config, scored.segments, {scored.targetRows, static_cast<size_t>(scored.targetCount)});
  if (parts.mostTargets == 0) return;
  DecoderPanels panels(config, DecoderPanels::Use::layersAndHead);
  panels.pack(config, weights);
  const PartScorer::Call call{config, weights, panels, scored, parts, temperature, logprobs, entropies};
  std::vector<PartScorer> scorers;
  for (int64_t worker = 0; worker < parts.workers(); ++worker) scorers.emplace_back(call);
  parts.run([&](int64_t worker, const SequencePart& part) { scorers[static_cast<size_t>(worker)].score(part); });
}

}  // namespace parl
