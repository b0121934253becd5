// A decoder over a cache of keys and values: what decoding runs for every token.
//
// Exactness: rows go through the kernels of the training forward, whose outputs do not depend on what else is in the batch, on how
// rows are tiled, or on the thread count.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "core/kv_cache.h"
#include "core/rope.h"
#include "core/weight_data.h"

namespace parl {

struct DecoderConfig {
  int64_t vocabSize, hiddenSize, numLayers, numHeads, numKvHeads, headDim, intermediateSize;
  RopeAngles rope;
  float rmsNormEps;
  int64_t adapterRank = 0;  // of the largest adapter
};

// A low-rank addition to a linear map, y += (scale * x a^T) b^T; none where a is null.
struct LowRank {
  const float *a = nullptr, *b = nullptr;  // [rank, in], [out, rank]
  int64_t rank = 0;
  float scale = 0.0f;
};

// Row-major [out, in] matrices, read in place. D = hiddenSize, F = intermediateSize, V = vocabSize.
struct DecoderLayer {
  const float* inputNorm;              // [D]
  WeightData qProj, kProj, vProj;      // [numHeads * headDim, D], and [numKvHeads * headDim, D] twice
  const float *qBias, *kBias, *vBias;  // one a row of theirs, or null
  const float *qNorm, *kNorm;          // [headDim], or null: RMS normalisation of each head before RoPE (Qwen3)
  WeightData oProj;                    // [D, numHeads * headDim]
  const float* postNorm;               // [D]
  WeightData gateProj, upProj;         // [F, D]
  WeightData downProj;                 // [D, F]
  LowRank qAdapter{}, kAdapter{}, vAdapter{}, oAdapter{}, gateAdapter{}, upAdapter{}, downAdapter{};
};
struct DecoderWeights {
  WeightData embedding;    // [V, D]
  const float* finalNorm;  // [D]
  WeightData head;         // [V, D]; the embedding where the two are tied
  std::vector<DecoderLayer> layers;
};

// A token at a position of a slot; `output` is the row of hidden states that receives its last layer's output, or -1.
struct CachedRow {
  int32_t token;
  int32_t position;
  int slot;
  int output;
};

class CachedDecoder {
 public:
  static constexpr int64_t kPrefillRows = 512;  // of a forward pass over prompts
  static constexpr int64_t kLogitRows = 64;     // rows of logits that exist at a time

  // cacheTokens: what all slots hold together at most; 0 is as much as they can. Throws std::bad_alloc when memoryBytes() cannot be had.
  CachedDecoder(const DecoderConfig& config, int64_t maxSlots, int64_t maxTokensPerSlot, int64_t cacheTokens);
  ~CachedDecoder();

  // The cache, the activations, logits of a step or a tile of them, and the packed matrices of a small model.
  static int64_t memoryBytes(const DecoderConfig& config, int64_t maxSlots, int64_t maxTokensPerSlot, int64_t cacheTokens);

  const DecoderConfig& config() const { return config_; }
  const KvCacheExtents& cacheExtents() const { return cacheExtents_; }
  KvCache& cache() { return cache_; }
  // Whether the weights stay in the caches: then ranges of rows are to run side by side, one a thread.
  bool isSmall() const;
  // Sequences of so many tokens whose keys and values stay in the caches, beside the weights of a small model.
  int64_t sequencesInCache(int64_t tokens) const;

  // To be called when the weights may have changed: packs those of a small model.
  void pack(const DecoderWeights& weights);

  // Runs rows through all layers, stores their keys and values and leaves the last layer's output of the rows that ask for it among
  // the hidden states. Uses the activations from row `first` on, so that ranges of rows can run side by side.
  void forward(const DecoderWeights& weights, std::span<const CachedRow> rows, int64_t first);

  // Logits of hidden states first .. first + count, at most kLogitRows: [count, vocabSize], until the next call for the same rows.
  const float* logits(const DecoderWeights& weights, int64_t first, int64_t count);
  // Row `to` of the hidden states becomes row `from`.
  void copyHidden(int64_t from, int64_t to);

 private:
  struct Activations;
  struct Panels;

  DecoderConfig config_;
  KvCacheExtents cacheExtents_;
  KvCache cache_;
  std::unique_ptr<Activations> activations_;
  std::unique_ptr<Panels> panels_;
};

}  // namespace parl
