#include "core/layer_weight_gradients.h"

#include <algorithm>
#include <functional>
#include <vector>

#include "core/bias.h"
#include "core/embedding.h"
#include "core/matmul.h"
#include "core/rms_norm.h"
#include "core/thread_pool.h"

namespace parl {
namespace {

void normGradient(const float* dy, const float* x, const float* rstd, float* dWeight, int64_t n, int64_t d) {
  std::fill_n(dWeight, d, 0.0f);
  rmsNormWeightGradient(dy, x, rstd, dWeight, n, d);
}

// A gradient of a layer's weights, of weights with one input, or of the embedding.
struct WeightTask {
  double products;
  std::function<void()> run;
};

// Where the threads work apart each takes whole tasks, the largest first.
void runTasks(std::vector<WeightTask>& tasks, bool isApart) {
  if (!isApart) {
    for (const WeightTask& task : tasks) task.run();
    return;
  }
  std::stable_sort(tasks.begin(), tasks.end(), [](const WeightTask& a, const WeightTask& b) { return a.products > b.products; });
  parallelEach(static_cast<int64_t>(tasks.size()), [&](int64_t i, int64_t) { tasks[static_cast<size_t>(i)].run(); });
}

}  // namespace

void layerWeightGradients(const DecoderConfig& c, const DecoderWeights& decoder, const TrainedTokens& trained, const KeptActivations& kept,
                          const float* dHidden, const DecoderGradients& gradients, bool isApart) {
  const DecoderWidths w(c);
  const int64_t n = trained.rows(), t = trained.targetCount;
  std::vector<WeightTask> tasks;
  const auto add = [&tasks](int64_t products, std::function<void()> run) { tasks.push_back({static_cast<double>(products), std::move(run)}); };
  add(t * w.d, [&] { normGradient(dHidden, kept.finalSum, kept.finalRstd, gradients.finalNorm, t, w.d); });
  for (size_t l = decoder.layers.size(); l-- > 0;) {
    const KeptLayer& k = kept.layers[l];
    const DecoderLayer& weights = decoder.layers[l];
    const DecoderLayerGradients& g = gradients.layers[l];
    const int64_t m = kept.narrows(l) ? t : n;
    add(m * w.d * w.f, [&w, &k, &g, m] {
      const GradientProduct products[] = {{k.dFed, g.downProj, w.d}};
      matmulGradients(products, k.act, w.f, m);
    });
    add(2 * m * w.d * w.f, [&w, &k, &g, m] {
      const GradientProduct products[] = {{k.gate, g.gateProj, w.f}, {k.up, g.upProj, w.f}};
      matmulGradients(products, k.postNormed, w.d, m);
    });
    add(m * w.d, [&w, &k, &g, m] { normGradient(k.dPostNormed, k.postSum, k.postRstd, g.postNorm, m, w.d); });
    add(m * w.d * w.q, [&w, &k, &g, m] {
      const GradientProduct products[] = {{k.dMixed, g.oProj, w.d}};
      matmulGradients(products, k.outAttended, w.q, m);
    });
    add(n * w.d * (w.q + 2 * w.kv), [&w, &k, &g, n] {
      const GradientProduct products[] = {{k.q, g.qProj, w.q}, {k.k, g.kProj, w.kv}, {k.v, g.vProj, w.kv}};
      matmulGradients(products, k.normed, w.d, n);
    });
    add(n * w.d, [&w, &k, &g, n] { normGradient(k.dNormed, k.sum, k.rstd, g.inputNorm, n, w.d); });
    if (weights.qBias != nullptr) add(n * w.q, [&w, &k, &g, n] { columnSum(k.q, g.qBias, n, w.q, false); });
    if (weights.kBias != nullptr) add(n * w.kv, [&w, &k, &g, n] { columnSum(k.k, g.kBias, n, w.kv, false); });
    if (weights.vBias != nullptr) add(n * w.kv, [&w, &k, &g, n] { columnSum(k.v, g.vBias, n, w.kv, false); });
    if (weights.qNorm != nullptr) {
      add(n * w.q, [&w, &c, &k, &g, n] { normGradient(k.dQuery, k.qProduct, k.qRstd, g.qNorm, n * w.heads, c.headDim); });
    }
    if (weights.kNorm != nullptr) {
      add(n * w.kv, [&w, &c, &k, &g, n] { normGradient(k.dKey, k.kProduct, k.kRstd, g.kNorm, n * w.kvHeads, c.headDim); });
    }
  }
  add(n * w.d, [&] {
    std::fill_n(gradients.embedding, c.vocabSize * w.d, 0.0f);
    embeddingBackward(kept.dEmbedding, trained.tokens, gradients.embedding, n, w.d);
  });
  runTasks(tasks, isApart);
}

}  // namespace parl
