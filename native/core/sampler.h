// Generation by a Qwen2-style decoder: keys and values kept per slot; sequences join and leave the batch between tokens.
//
// Continuous batching: the requests of a call wait in their order. One joins when a slot is free and the cache has room for its
// prompt; one that meets its end leaves at once. When the running ones outgrow the cache, idle slots lose the ends of what they hold,
// the oldest first; then the sequence that joined last stops, waits in front of all others, and goes on later from its tokens.
//
// Of a small model, each thread decodes a group of sequences by itself, without waiting for the others: as many as have their keys and
// values stay in the caches, some tokens of each before the next group has its turn. A step of the whole batch would read all of them
// from memory for every token. Sequences join and leave between turns then, between tokens otherwise. Prompts too are a thread's own, where
// there are enough of them to give every thread as much.
//
// Exactness: every step runs the kernels of the training forward, whose outputs do not depend on what else is in the
// batch, on how rows are tiled, or on the thread count. So a token's log-probability equals, bit for bit, the one that
// the packed training forward computes; and a text depends on its prompt, its seed and the weights only.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/cache_ledger.h"
#include "core/cached_decoder.h"
#include "core/logits_processors.h"
#include "core/prefix_plan.h"
#include "core/stop_texts.h"
#include "core/token_grammar.h"

namespace parl {

struct GenerationRequest {
  int slot;  // -1: any; then the sampler looks for the one that holds most of the prompt
  std::vector<int32_t> prompt;
  int64_t maxNewTokens;
  uint64_t seed;
  // Leaves only tokens that keep the text to it; stop tokens come where it may end, and only there. Null: all tokens.
  std::shared_ptr<TokenGrammar> grammar = nullptr;
};
struct GenerationOptions {
  float temperature = 1.0f;  // 0: the most likely token, reported with its log-probability at temperature 1
  std::vector<int32_t> stopTokens{};
  SamplingRules rules{};
  StopTexts stopTexts{};             // looked for once rules.minNewTokens are there
  bool untruncatedLogprobs = false;  // also those before the rules, at the same temperature
};
struct GeneratedSequence {
  std::vector<int32_t> tokens;  // with the stop token, if there was one
  std::vector<float> logprobs;  // natural log, one a token, of the distribution it was drawn from
  std::vector<float> untruncatedLogprobs;  // parallel, when asked for
  bool stopped = false;         // by a stop token or a stop text; else by length
  int stopText = -1;            // index of the stop text that the last token completed
};

enum class GenerationStatus { done, aborted, notFinite, noToken };
struct GenerationResult {
  GenerationStatus status = GenerationStatus::done;
  size_t request = 0;     // notFinite: where no token had a positive finite probability; noToken: whose grammar left no token
  int slot = 0;           // its slot
  int64_t position = 0;   // of the token to be chosen
  std::vector<GeneratedSequence> sequences;  // one a request, when done
};

class Sampler {
 public:
  // cacheTokens: what all slots hold together at most; 0 is as much as they can. Throws std::bad_alloc when memoryBytes() cannot be had.
  Sampler(const DecoderConfig& config, int64_t maxSlots, int64_t maxTokensPerSlot, int64_t cacheTokens = 0);
  ~Sampler();

  // What a sampler of these extents holds: the cache, the activations, logits of a step or a tile of them, and the packed
  // matrices of a small model. Neither the weights, which are read in place, nor the kernels' scratch of a few MB a thread.
  static int64_t memoryBytes(const DecoderConfig& config, int64_t maxSlots, int64_t maxTokensPerSlot, int64_t cacheTokens = 0);

  int64_t maxSlots() const { return decoder_.cacheExtents().slots; }
  int64_t maxTokensPerSlot() const { return decoder_.cacheExtents().tokensPerSlot; }
  int64_t cacheTokens() const { return ledger_.budget(); }

  // Requests must be valid: distinct slots below maxSlots, or -1 in all of them (any number then); prompts not empty and with their
  // new tokens within maxTokensPerSlot and, rounded up to key panels, within cacheTokens(); tokens below vocabSize, at least one new
  // token. `abort` is looked at between tokens and between chunks of prompts. Whatever the result, the slots hold what they say.
  GenerationResult generate(const DecoderWeights& weights, const std::vector<GenerationRequest>& requests,
                            const GenerationOptions& options, const std::atomic<bool>& abort);

  // Forgets the contents of all slots: needed when the weights have changed.
  void reset();

  // Tokens whose keys and values a slot holds.
  const std::vector<int32_t>& slotTokens(int slot) const { return slotTokens_[static_cast<size_t>(slot)]; }

  // Prompt tokens that went through the decoder since construction, and those that did not have to.
  int64_t computedPromptTokens() const { return computedPromptTokens_; }
  int64_t reusedPromptTokens() const { return reusedPromptTokens_; }
  // How often a sequence had to stop for want of cache, and the tokens that were computed again when it went on.
  int64_t preemptions() const { return preemptions_; }
  int64_t recomputedTokens() const { return recomputedTokens_; }

 private:
  struct Sequence;

  // Computes what the slots of sequences that join lack; their last hidden states become rows `firstHidden` and on.
  bool prefill(const DecoderWeights& weights, std::span<const Sequence> joining, int64_t firstHidden, const std::atomic<bool>& abort);
  bool store(const DecoderWeights& weights, std::span<const std::vector<CachedRow>> prompts, const std::atomic<bool>& abort);
  bool makeRoom(int slot, int64_t tokens);
  int slotFor(const std::vector<int32_t>& tokens) const;
  void shrink(int slot, int64_t tokens);
  static void chooseByRules(Sequence& sequence, std::span<const float> logits, const GenerationOptions& options);
  void chooseTokens(const DecoderWeights& weights, std::span<Sequence* const> sequences, const GenerationOptions& options, int64_t first);
  static void take(Sequence& sequence, const GenerationOptions& options, GeneratedSequence& out);
  void takeTurns(const DecoderWeights& weights, std::span<Sequence> sequences, size_t running, int64_t first,
                 const GenerationOptions& options, std::vector<GeneratedSequence>& out, const std::atomic<bool>& abort);
  int64_t groupSize(std::span<const Sequence> sequences) const;

  CachedDecoder decoder_;
  std::vector<std::vector<int32_t>> slotTokens_;
  CacheLedger ledger_;
  int64_t computedPromptTokens_ = 0, reusedPromptTokens_ = 0, preemptions_ = 0, recomputedTokens_ = 0;
};

}  // namespace parl
