#include "core/kept_activations.h"

namespace parl {
namespace {

constexpr int64_t kLineFloats = 16;

bool isEveryRow(const TrainedTokens& trained, int64_t n) {
  if (trained.targetCount != n) return false;
  for (int64_t i = 0; i < n; ++i) {
    if (trained.targetRows[i] != i) return false;
  }
  return true;
}

}  // namespace

DecoderWidths::DecoderWidths(const DecoderConfig& c)
    : d(c.hiddenSize), f(c.intermediateSize), q(c.numHeads * c.headDim), kv(c.numKvHeads * c.headDim), heads(c.numHeads), kvHeads(c.numKvHeads) {}

KeptActivations::KeptActivations(const DecoderConfig& config, const DecoderWeights& weights, const TrainedTokens& trained, float* base)
    : layers(weights.layers.size()), isEveryRowTarget(isEveryRow(trained, trained.rows())) {
  const DecoderWidths w(config);
  const int64_t n = trained.rows(), t = trained.targetCount;
  const auto take = [&](int64_t rows, int64_t width) {
    float* const at = base == nullptr ? nullptr : base + floats;
    floats += (rows * width + kLineFloats - 1) / kLineFloats * kLineFloats;
    return at;
  };
  for (size_t l = 0; l < layers.size(); ++l) {
    const bool hasHeadNorm = weights.layers[l].qNorm != nullptr;
    const int64_t m = narrows(l) ? t : n;
    KeptLayer& x = layers[l];
    x.sum = take(n, w.d);
    x.normed = take(n, w.d);
    x.rstd = take(n, 1);
    x.q = take(n, w.q);
    x.k = take(n, w.kv);
    x.v = take(n, w.kv);
    x.attended = take(n, w.q);
    x.lse = take(n, w.heads);
    x.qProduct = hasHeadNorm ? take(n, w.q) : x.q;
    x.kProduct = hasHeadNorm ? take(n, w.kv) : x.k;
    x.qRstd = hasHeadNorm ? take(n, w.heads) : nullptr;
    x.kRstd = hasHeadNorm ? take(n, w.kvHeads) : nullptr;
    x.dQuery = hasHeadNorm ? take(n, w.q) : nullptr;
    x.dKey = hasHeadNorm ? take(n, w.kv) : nullptr;
    x.dNormed = take(n, w.d);
    x.outAttended = narrows(l) ? take(t, w.q) : x.attended;
    x.postSum = take(m, w.d);
    x.postNormed = take(m, w.d);
    x.postRstd = take(m, 1);
    x.gate = take(m, w.f);
    x.up = take(m, w.f);
    x.act = take(m, w.f);
    x.dMixed = take(m, w.d);
    x.dPostNormed = take(m, w.d);
    x.dFed = take(m, w.d);
  }
  finalSum = take(t, w.d);
  finalRstd = take(t, 1);
  dEmbedding = take(n, w.d);
}

}  // namespace parl
