// A small decoder with weights from a seed, and the log-probabilities that training computes with it.
#pragma once

#include <cstring>
#include <vector>

#include "check.h"
#include "core/attention.h"
#include "core/bias.h"
#include "core/decoder_weights.h"
#include "core/elementwise.h"
#include "core/embedding.h"
#include "core/linear_logprob.h"
#include "core/matmul.h"
#include "core/rms_norm.h"
#include "core/rope.h"
#include "core/swiglu.h"

namespace parl::test {

using Tokens = std::vector<int32_t>;

struct Model {
  DecoderConfig config;
  std::vector<std::vector<float>> storage;
  DecoderWeights weights;

  const float* make(size_t count, float scale, float offset = 0.0f) {
    storage.push_back(mixedFloats(static_cast<uint32_t>(storage.size()) + 1, count, scale));
    for (float& value : storage.back()) value += offset;
    return storage.back().data();
  }

  explicit Model(bool qwen3 = false, int64_t vocabSize = 83) : Model(qwen3, vocabSize, 4, 2, qwen3 ? 10 : 6) {}
  Model(bool qwen3, int64_t vocabSize, int64_t numHeads, int64_t numKvHeads, int64_t headDim)
      : config{.vocabSize = vocabSize, .hiddenSize = 24, .numLayers = 2, .numHeads = numHeads, .numKvHeads = numKvHeads, .headDim = headDim,
               .intermediateSize = 37, .rope = {.theta = 10000.0}, .rmsNormEps = 1e-6f} {
    const auto d = static_cast<size_t>(config.hiddenSize), f = static_cast<size_t>(config.intermediateSize);
    const auto q = static_cast<size_t>(config.numHeads * config.headDim), kv = static_cast<size_t>(config.numKvHeads * config.headDim);
    const auto v = static_cast<size_t>(config.vocabSize);
    weights.embedding = make(v * d, 1.0f);
    weights.finalNorm = make(d, 0.3f, 1.0f);
    weights.head = qwen3 ? make(v * d, 0.5f) : weights.embedding;
    for (int64_t l = 0; l < config.numLayers; ++l) {
      DecoderLayer layer{};
      layer.inputNorm = make(d, 0.3f, 1.0f);
      layer.qProj = make(q * d, 0.4f);
      layer.kProj = make(kv * d, 0.4f);
      layer.vProj = make(kv * d, 0.4f);
      if (qwen3) {
        layer.qNorm = make(static_cast<size_t>(config.headDim), 0.3f, 1.0f);
        layer.kNorm = make(static_cast<size_t>(config.headDim), 0.3f, 1.0f);
      } else {
        layer.qBias = make(q, 0.2f);
        layer.kBias = make(kv, 0.2f);
        layer.vBias = make(kv, 0.2f);
      }
      layer.oProj = make(d * q, 0.3f);
      layer.postNorm = make(d, 0.3f, 1.0f);
      layer.gateProj = make(f * d, 0.4f);
      layer.upProj = make(f * d, 0.4f);
      layer.downProj = make(d * f, 0.3f);
      weights.layers.push_back(layer);
    }
  }
};

// Log-probability of every token given those before it, as training computes it: whole sequences packed behind each other.
inline std::vector<float> trainingLogprobs(const Model& model, const std::vector<Tokens>& sequences, float temperature,
                                           std::vector<float>* entropies = nullptr) {
  const DecoderConfig& c = model.config;
  Tokens ids, targets, positions, offsets{0};
  for (const Tokens& sequence : sequences) {
    for (size_t t = 0; t + 1 < sequence.size(); ++t) {
      ids.push_back(sequence[t]);
      targets.push_back(sequence[t + 1]);
      positions.push_back(static_cast<int32_t>(t));
    }
    offsets.push_back(static_cast<int32_t>(ids.size()));
  }
  const auto n = static_cast<int64_t>(ids.size());
  const int64_t d = c.hiddenSize, f = c.intermediateSize, qWidth = c.numHeads * c.headDim, kvWidth = c.numKvHeads * c.headDim;
  const auto rows = [n](int64_t width) { return std::vector<float>(static_cast<size_t>(n * width)); };
  auto x = rows(d), normed = rows(d), q = rows(qWidth), k = rows(kvWidth), v = rows(kvWidth), attended = rows(qWidth);
  auto gate = rows(f), up = rows(f), branch = rows(d), lse = rows(c.numHeads), logprobs = rows(1), rowLse = rows(1);
  embeddingForward(model.weights.embedding, ids.data(), x.data(), n, d);
  for (const DecoderLayer& layer : model.weights.layers) {
    rmsNormForward(x.data(), layer.inputNorm, normed.data(), nullptr, n, d, c.rmsNormEps);
    const auto project = [&](WeightData weight, const float* bias, const float* norm, std::vector<float>& y, int64_t heads) {
      matmul(normed.data(), weight, y.data(), {.m = n, .n = heads * c.headDim, .k = d, .transposeB = true});
      if (bias) addBias(y.data(), bias, y.data(), n, heads * c.headDim);
      if (norm) rmsNormForward(y.data(), norm, y.data(), nullptr, n * heads, c.headDim, c.rmsNormEps);
    };
    project(layer.qProj, layer.qBias, layer.qNorm, q, c.numHeads);
    project(layer.kProj, layer.kBias, layer.kNorm, k, c.numKvHeads);
    project(layer.vProj, layer.vBias, nullptr, v, c.numKvHeads);
    ropeApply(q.data(), positions.data(), q.data(), n, c.numHeads, c.headDim, c.rope, false);
    ropeApply(k.data(), positions.data(), k.data(), n, c.numKvHeads, c.headDim, c.rope, false);
    attentionForward(q.data(), k.data(), v.data(), {offsets.data(), static_cast<int64_t>(sequences.size())}, attended.data(), lse.data(),
                           {c.numHeads, c.numKvHeads, c.headDim});
    matmul(attended.data(), layer.oProj, branch.data(), {.m = n, .n = d, .k = qWidth, .transposeB = true});
    add(x.data(), branch.data(), x.data(), n * d);
    rmsNormForward(x.data(), layer.postNorm, normed.data(), nullptr, n, d, c.rmsNormEps);
    matmul(normed.data(), layer.gateProj, gate.data(), {.m = n, .n = f, .k = d, .transposeB = true});
    matmul(normed.data(), layer.upProj, up.data(), {.m = n, .n = f, .k = d, .transposeB = true});
    swigluForward(gate.data(), up.data(), gate.data(), n * f);
    matmul(gate.data(), layer.downProj, branch.data(), {.m = n, .n = d, .k = f, .transposeB = true});
    add(x.data(), branch.data(), x.data(), n * d);
  }
  rmsNormForward(x.data(), model.weights.finalNorm, normed.data(), nullptr, n, d, c.rmsNormEps);
  if (entropies != nullptr) entropies->resize(static_cast<size_t>(n));
  linearLogprobForward(normed.data(), model.weights.head, targets.data(), {n, d, c.vocabSize, temperature}, logprobs.data(),
                       entropies == nullptr ? nullptr : entropies->data(), rowLse.data());
  return logprobs;
}

inline Tokens prompted(uint32_t seed, size_t length, int32_t vocab = 83) {
  Tokens tokens(length);
  for (size_t i = 0; i < length; ++i) {
    tokens[i] = static_cast<int32_t>((mixed(seed, static_cast<uint32_t>(i)) + 1.0f) * 0.5f * static_cast<float>(vocab - 1));
  }
  return tokens;
}

inline bool sameBits(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && (a.empty() || std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0);
}

}  // namespace parl::test
