// A decoder over a cache of keys and values: what decoding runs for every token.
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "core/decoder_layer.h"
#include "core/decoder_weights.h"
#include "core/kv_cache.h"
#include "core/tensor_memory.h"

namespace parl {

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
  // Whether ranges of rows are to run side by side, one a thread.
  bool isSmall() const { return isSmallDecoder(config_); }
  // Sequences of so many tokens whose keys and values stay in the caches, beside the weights of a small model.
  int64_t sequencesInCache(int64_t tokens) const;

  // To be called when the weights may have changed: packs those of a small model.
  void pack(const DecoderWeights& weights) { panels_.pack(config_, weights); }

  // Runs rows through all layers, stores their keys and values and leaves the last layer's output of the rows that ask for it among
  // the hidden states. Uses the activations from row `first` on, so that ranges of rows can run side by side.
  void forward(const DecoderWeights& weights, std::span<const CachedRow> rows, int64_t first);

  // Logits of hidden states first .. first + count, at most kLogitRows: [count, vocabSize], until the next call for the same rows.
  const float* logits(const DecoderWeights& weights, int64_t first, int64_t count);
  // Row `to` of the hidden states becomes row `from`.
  void copyHidden(int64_t from, int64_t to);

 private:
  struct Activations;

  LayerRows rowsFrom(int64_t first, int64_t count) const;

  DecoderConfig config_;
  KvCacheExtents cacheExtents_;
  KvCache cache_;
  std::unique_ptr<Activations> activations_;
  TensorArray panelMemory_;
  DecoderPanels panels_;
};

}  // namespace parl
