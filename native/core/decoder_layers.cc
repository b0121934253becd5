#include "core/decoder_layers.h"

#include <algorithm>
#include <array>

#include "core/decoder_layer.h"
#include "core/embedding.h"
#include "core/kept_activations.h"
#include "core/layer_weight_gradients.h"
#include "core/matmul.h"
#include "core/rms_norm.h"
#include "core/rope.h"
#include "core/scratch.h"
#include "core/sequence_parts.h"
#include "core/swiglu.h"
#include "core/tensor_memory.h"
#include "core/weight_panels.h"

namespace parl {
namespace {

// dx[m,in] (+)= dy[m,out] weight; from the panels where there are some.
void multiplyBack(const float* dy, WeightData weight, const float* panels, float* dx, int64_t m, int64_t out, int64_t in, bool accumulate) {
  if (panels) {
    multiplyPanels(dy, panels, dx, m, in, out, accumulate);
  } else {
    matmul(dy, weight, dx, {.m = m, .n = in, .k = out, .accumulate = accumulate});
  }
}

struct Call {
  const DecoderConfig& config;
  const DecoderWeights& weights;
  const DecoderPanels& panels;
  const TrainedTokens& trained;
  const SequenceParts& parts;
  const KeptActivations& kept;
  DecoderWidths w;

  int64_t rowOf(const SequencePart& part, int64_t i) const { return trained.targetRows[part.targets[static_cast<size_t>(i)]] - part.firstRow; }
  // Rows of a part, and the first of them, behind the attention of a layer.
  int64_t firstOut(const SequencePart& part, size_t l) const { return kept.narrows(l) ? part.firstTarget : part.firstRow; }
  int64_t countOut(const SequencePart& part, size_t l) const { return kept.narrows(l) ? part.targetCount() : part.rows(); }
  AttentionShape attention() const { return {config.numHeads, config.numKvHeads, config.headDim}; }
};

// ---- forward -------------------------------------------------------------------------------------------------------

class ForwardPart {
 public:
  ForwardPart(const Call& call, const SequencePart& part) : call_(call), targetSum_(call.kept.isEveryRowTarget ? 0 : part.targetCount() * call.w.d) {}

  // hidden: of all targets, in the order of the parts
  void run(const SequencePart& part, float* hidden) {
    const DecoderConfig& c = call_.config;
    const DecoderWidths& w = call_.w;
    const PartSegments segments(call_.trained.segments, part);
    const int64_t feedForwardRows = call_.parts.feedForwardRows();
    embeddingForward(call_.weights.embedding, call_.trained.tokens + part.firstRow, call_.kept.layers[0].sum + part.firstRow * w.d, part.rows(), w.d);
    const float *x = nullptr, *delta = nullptr;
    for (size_t l = 0; l < call_.weights.layers.size(); ++l) {
      const LayerParts layer{c, call_.weights.layers[l], call_.panels.layer(l)};
      LayerRows rows = rowsOf(part, l, x, delta);
      layer.norm(rows);
      layer.projections(rows);
      attentionForward(rows.q, rows.k, rows.v, segments.segments(), rows.attended, call_.kept.layers[l].lse + part.firstRow * w.heads, call_.attention());
      if (call_.kept.narrows(l)) toTargets(part, rows, call_.kept.layers[l]);
      for (int64_t first = 0; first < rows.n; first += feedForwardRows) {
        layer.feedForward(rows.block(c, first, std::min(feedForwardRows, rows.n - first), true));
      }
      x = rows.postSum;
      delta = rows.fed;
    }
    const int64_t t = part.firstTarget;
    addRmsNormForward(x, delta, call_.weights.finalNorm, call_.kept.finalSum + t * w.d, hidden + t * w.d, call_.kept.finalRstd + t,
                      part.targetCount(), w.d, c.rmsNormEps);
  }

 private:
  LayerRows rowsOf(const SequencePart& part, size_t l, const float* x, const float* delta) const {
    const KeptLayer& k = call_.kept.layers[l];
    const DecoderWidths& w = call_.w;
    const int64_t row = part.firstRow, out = call_.firstOut(part, l);
    const auto orNull = [row](float* at, int64_t width) { return at == nullptr ? nullptr : at + row * width; };
    return {.n = part.rows(), .positions = call_.parts.positions.data() + row,
            .x = x, .delta = delta, .sum = k.sum + row * w.d, .normed = k.normed + row * w.d, .rstd = k.rstd + row,
            .qProduct = k.qProduct + row * w.q, .kProduct = k.kProduct + row * w.kv, .qRstd = orNull(k.qRstd, w.heads),
            .kRstd = orNull(k.kRstd, w.kvHeads), .q = k.q + row * w.q, .attended = k.attended + row * w.q, .k = k.k + row * w.kv,
            .v = k.v + row * w.kv, .mixed = k.postNormed + out * w.d, .postSum = k.postSum + out * w.d, .postNormed = k.postNormed + out * w.d,
            .postRstd = k.postRstd + out, .gate = k.gate + out * w.f, .up = k.up + out * w.f, .act = k.act + out * w.f,
            .fed = k.dFed + out * w.d, .low = nullptr};
  }

  // Past the last attention only the rows of targets go on.
  void toTargets(const SequencePart& part, LayerRows& rows, const KeptLayer& kept) {
    const DecoderWidths& w = call_.w;
    float* const attended = kept.outAttended + part.firstTarget * w.q;
    for (int64_t i = 0; i < part.targetCount(); ++i) {
      const int64_t row = call_.rowOf(part, i);
      std::copy_n(rows.sum + row * w.d, w.d, targetSum_.data() + i * w.d);
      std::copy_n(rows.attended + row * w.q, w.q, attended + i * w.q);
    }
    rows.n = part.targetCount();
    rows.sum = targetSum_.data();
    rows.attended = attended;
  }

  const Call& call_;
  const Scratch targetSum_;
};

// ---- backward: activations, part by part ---------------------------------------------------------------------------

class BackwardPart {
 public:
  BackwardPart(const Call& call, const SequencePart& part) : call_(call), memory_(sizes(call, part.rows(), part.targetCount())) {}

  // dHidden: of all targets, in the order of the parts
  void run(const SequencePart& part, const float* dHidden) {
    const DecoderWidths& w = call_.w;
    const KeptActivations& kept = call_.kept;
    const int64_t t = part.firstTarget;
    const size_t layers = call_.weights.layers.size();
    const PartSegments segments(call_.trained.segments, part);
    rmsNormInputGradient(dHidden + t * w.d, nullptr, kept.finalSum + t * w.d, call_.weights.finalNorm, kept.finalRstd + t,
                         kept.layers[layers - 1].dFed + t * w.d, part.targetCount(), w.d);
    for (size_t l = layers; l-- > 0;) {
      feedForward(part, l);
      attention(part, l, segments.segments());
    }
  }

 private:
  enum Array : size_t { dAct, dAttended, dTargetAttended, dq, dk, dv, dRowMixed, arrays };
  static std::array<int64_t, arrays> sizes(const Call& call, int64_t rows, int64_t targets) {
    const DecoderWidths& w = call.w;
    if (call.kept.isEveryRowTarget) targets = 0;
    return {std::min(std::max(rows, targets), call.parts.feedForwardRows()) * w.f, rows * w.q, targets * w.q, rows * w.q, rows * w.kv, rows * w.kv,
            targets == 0 ? 0 : rows * w.d};
  }

  // dFed to dMixed, and to the gradient of what the output projection reads.
  void feedForward(const SequencePart& part, size_t l) {
    const DecoderWidths& w = call_.w;
    const KeptLayer& k = call_.kept.layers[l];
    const DecoderLayer& weights = call_.weights.layers[l];
    const DecoderPanels::Layer& panels = call_.panels.layer(l);
    const int64_t out = call_.firstOut(part, l), count = call_.countOut(part, l), together = call_.parts.feedForwardRows();
    float* const dOut = memory_[call_.kept.narrows(l) ? dTargetAttended : dAttended];
    for (int64_t first = 0; first < count; first += together) {
      const int64_t n = std::min(together, count - first), at = out + first;
      float *const gate = k.gate + at * w.f, *const up = k.up + at * w.f, *const dPostNormed = k.dPostNormed + at * w.d;
      multiplyBack(k.dFed + at * w.d, weights.downProj, panels.down, memory_[dAct], n, w.d, w.f, false);
      swigluBackward(memory_[dAct], gate, up, gate, up, n * w.f);
      multiplyBack(gate, weights.gateProj, panels.gate, dPostNormed, n, w.f, w.d, false);
      multiplyBack(up, weights.upProj, panels.up, dPostNormed, n, w.f, w.d, true);
      rmsNormInputGradient(dPostNormed, k.dFed + at * w.d, k.postSum + at * w.d, weights.postNorm, k.postRstd + at, k.dMixed + at * w.d, n, w.d);
      multiplyBack(k.dMixed + at * w.d, weights.oProj, panels.o, dOut + first * w.q, n, w.d, w.q, false);
    }
  }

  // From there to the gradient of what the layer before adds.
  void attention(const SequencePart& part, size_t l, const Segments& segments) {
    const DecoderWidths& w = call_.w;
    const KeptLayer& k = call_.kept.layers[l];
    const DecoderLayer& weights = call_.weights.layers[l];
    const DecoderPanels::Layer& panels = call_.panels.layer(l);
    const int64_t n = part.rows(), row = part.firstRow;
    const float* dMixed = k.dMixed + row * w.d;
    if (call_.kept.narrows(l)) dMixed = fromTargets(part, k);
    float *const q = k.q + row * w.q, *const key = k.k + row * w.kv, *const v = k.v + row * w.kv, *const dNormed = k.dNormed + row * w.d;
    attentionBackward(memory_[dAttended], q, key, v, k.attended + row * w.q, k.lse + row * w.heads, segments, memory_[dq], memory_[dk], memory_[dv],
                      call_.attention());
    turnBack(memory_[dq], part, w.heads, weights.qNorm, k.qProduct, k.qRstd, k.dQuery, q);
    turnBack(memory_[dk], part, w.kvHeads, weights.kNorm, k.kProduct, k.kRstd, k.dKey, key);
    std::copy_n(memory_[dv], n * w.kv, v);
    multiplyBack(q, weights.qProj, panels.q, dNormed, n, w.q, w.d, false);
    multiplyBack(key, weights.kProj, panels.k, dNormed, n, w.kv, w.d, true);
    multiplyBack(v, weights.vProj, panels.v, dNormed, n, w.kv, w.d, true);
    float* const dBefore = (l == 0 ? call_.kept.dEmbedding : call_.kept.layers[l - 1].dFed) + row * w.d;
    rmsNormInputGradient(dNormed, dMixed, k.sum + row * w.d, weights.inputNorm, k.rstd + row, dBefore, n, w.d);
  }

  // Gradient of a turned projection to that of its product, which takes the place of what it is the gradient of.
  void turnBack(float* dTurned, const SequencePart& part, int64_t heads, const float* norm, const float* product, const float* rstd, float* dNorm,
                float* out) const {
    const DecoderConfig& c = call_.config;
    const int64_t n = part.rows(), width = heads * c.headDim, at = part.firstRow * width;
    float* const turned = norm == nullptr ? out : dNorm + at;
    ropeApply(dTurned, call_.parts.positions.data() + part.firstRow, turned, n, heads, c.headDim, c.rope, true);
    if (norm != nullptr) {
      rmsNormInputGradient(turned, nullptr, product + at, norm, rstd + part.firstRow * heads, out, n * heads, c.headDim);
    }
  }

  // Gradients of the targets' rows, added up at the rows: of what the attention gives, and of the residual stream.
  const float* fromTargets(const SequencePart& part, const KeptLayer& k) {
    const DecoderWidths& w = call_.w;
    std::fill_n(memory_[dAttended], part.rows() * w.q, 0.0f);
    std::fill_n(memory_[dRowMixed], part.rows() * w.d, 0.0f);
    for (int64_t i = 0; i < part.targetCount(); ++i) {
      const int64_t row = call_.rowOf(part, i);
      const float *const mixed = memory_[dTargetAttended] + i * w.q, *const sum = k.dMixed + (part.firstTarget + i) * w.d;
      for (int64_t j = 0; j < w.q; ++j) memory_[dAttended][row * w.q + j] += mixed[j];
      for (int64_t j = 0; j < w.d; ++j) memory_[dRowMixed][row * w.d + j] += sum[j];
    }
    return memory_[dRowMixed];
  }

  const Call& call_;
  const ScratchArrays<arrays> memory_;
};

// ---- both ----------------------------------------------------------------------------------------------------------

// Rows of targets in the order of the parts, which is mostly the targets' own: then they stay where they are.
class PartOrder {
 public:
  PartOrder(const SequenceParts& parts, int64_t d) : parts_(parts), d_(d) {
    for (const SequencePart& part : parts.parts) {
      for (size_t i = 0; i < part.targets.size(); ++i) isOwn_ = isOwn_ && part.targets[i] == part.firstTarget + static_cast<int64_t>(i);
      count_ += part.targetCount();
    }
    if (!isOwn_) ordered_ = TensorArray(count_ * d);
  }

  const float* from(const float* rows) const {
    if (isOwn_) return rows;
    each([&](int64_t at, int64_t target) { std::copy_n(rows + target * d_, d_, ordered_.data() + at * d_); });
    return ordered_.data();
  }
  float* place(float* rows) const { return isOwn_ ? rows : ordered_.data(); }
  void to(float* rows) const {
    if (!isOwn_) each([&](int64_t at, int64_t target) { std::copy_n(ordered_.data() + at * d_, d_, rows + target * d_); });
  }

 private:
  template <typename F>
  void each(F&& f) const {
    int64_t at = 0;
    for (const SequencePart& part : parts_.parts) {
      for (const int64_t target : part.targets) f(at++, target);
    }
  }

  const SequenceParts& parts_;
  int64_t d_, count_ = 0;
  bool isOwn_ = true;
  TensorArray ordered_;
};

SequenceParts partsOf(const DecoderConfig& config, const TrainedTokens& trained) {
  return SequenceParts(config, trained.segments, {trained.targetRows, static_cast<size_t>(trained.targetCount)});
}

}  // namespace

int64_t keptActivations(const DecoderConfig& config, const DecoderWeights& weights, const TrainedTokens& trained) {
  return KeptActivations(config, weights, trained, nullptr).floats;
}

void decoderLayersForward(const DecoderConfig& config, const DecoderWeights& weights, const TrainedTokens& trained, float* kept,
                          float* hidden) {
  const SequenceParts parts = partsOf(config, trained);
  const Scratch memory(DecoderPanels::floats(config, DecoderPanels::Use::layers));
  DecoderPanels panels(config, DecoderPanels::Use::layers, memory.data());
  panels.pack(config, weights);
  const KeptActivations buffers(config, weights, trained, kept);
  const Call call{config, weights, panels, trained, parts, buffers, DecoderWidths(config)};
  const PartOrder order(parts, config.hiddenSize);
  float* const place = order.place(hidden);
  parts.run([&](const SequencePart& part) { ForwardPart(call, part).run(part, place); });
  order.to(hidden);
}

void decoderLayersBackward(const DecoderConfig& config, const DecoderWeights& weights, const TrainedTokens& trained, const float* dHidden,
                           float* kept, const DecoderGradients& gradients) {
  const SequenceParts parts = partsOf(config, trained);
  const Scratch memory(DecoderPanels::floats(config, DecoderPanels::Use::gradients));
  DecoderPanels panels(config, DecoderPanels::Use::gradients, memory.data());
  panels.pack(config, weights);
  const KeptActivations buffers(config, weights, trained, kept);
  const Call call{config, weights, panels, trained, parts, buffers, DecoderWidths(config)};
  const PartOrder order(parts, config.hiddenSize);
  const float* const place = order.from(dHidden);
  parts.run([&](const SequencePart& part) { BackwardPart(call, part).run(part, place); });
  layerWeightGradients(config, weights, trained, buffers, place, gradients, parts.isApart);
}

}  // namespace parl
