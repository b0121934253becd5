#include "core/sampler.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <deque>
#include <limits>
#include <stdexcept>

#include "core/attention.h"
#include "core/bias.h"
#include "core/elementwise.h"
#include "core/embedding.h"
#include "core/logprob.h"
#include "core/matmul.h"
#include "core/philox.h"
#include "core/rms_norm.h"
#include "core/sample_token.h"
#include "core/swiglu.h"
#include "core/tensor_memory.h"
#include "core/thread_pool.h"
#include "core/weight_panels.h"

namespace parl {
namespace {

constexpr int64_t kPrefillRows = 512;   // prompt tokens in one forward pass
constexpr int64_t kLogitRows = 64;      // rows of logits that exist at a time
constexpr int64_t kRowsPerThread = 4;   // fewer leave the matrix kernels half empty
// Up to this size a model is small: it stays in the caches. Then its matrices are packed once a call, not once a token, and
// every thread runs its own rows through all layers, which saves some 50 barriers a token. Larger weights come from
// memory: they are read in place, and the threads share each product, so that every weight is read once.
constexpr int64_t kSmallModelFloats = int64_t{8} << 20;

int64_t activationRows(int64_t maxSlots) { return std::max(kPrefillRows, maxSlots); }
int64_t weightFloats(const DecoderConfig& c) {
  const int64_t attention = 2 * (c.numHeads + c.numKvHeads) * c.headDim * c.hiddenSize;
  return c.numLayers * (attention + 3 * c.intermediateSize * c.hiddenSize) + c.vocabSize * c.hiddenSize;
}
bool isSmall(const DecoderConfig& c) { return weightFloats(c) <= kSmallModelFloats; }
int64_t panelFloats(const DecoderConfig& c) {
  if (!isSmall(c)) return 0;
  const int64_t d = c.hiddenSize, f = c.intermediateSize, q = c.numHeads * c.headDim, kv = c.numKvHeads * c.headDim;
  const int64_t layer = weightPanelFloats(q, d) + 2 * weightPanelFloats(kv, d) + weightPanelFloats(d, q) +
                        2 * weightPanelFloats(f, d) + weightPanelFloats(d, f);
  return c.numLayers * layer + weightPanelFloats(c.vocabSize, d);
}
int64_t logitFloats(const DecoderConfig& c, int64_t maxSlots) {
  // Threads that work on their own rows need their own tiles; the vocabulary is small there.
  return c.vocabSize * (isSmall(c) ? maxSlots : std::min(maxSlots, kLogitRows));
}
int64_t floatsPerRow(const DecoderConfig& c) {
  return 2 * c.hiddenSize + (2 * c.numHeads + 2 * c.numKvHeads) * c.headDim + 2 * c.intermediateSize + c.adapterRank;
}
KvCacheExtents cacheExtents(const DecoderConfig& c, int64_t maxSlots, int64_t maxTokensPerSlot, int64_t cacheTokens) {
  const int64_t most = maxSlots * CacheLedger::rounded(maxTokensPerSlot);
  const int64_t budget = cacheTokens == 0 ? most : std::min(most, cacheTokens / kKeyPanel * kKeyPanel);
  return {maxSlots, maxTokensPerSlot, c.numLayers, c.numKvHeads, c.headDim, budget};
}

constexpr int32_t kNoToken = -2;  // in place of a chosen token: the grammar left none

// Leaves what a grammar allows of a row of logits; false where that is nothing.
bool keepToGrammar(TokenGrammar& grammar, TokenGrammar::Place place, const std::vector<int32_t>& stopTokens, std::vector<float>& logits) {
  thread_local std::vector<uint32_t> allowed;
  allowed.assign((static_cast<size_t>(grammar.vocabSize()) + 31) / 32, 0u);
  try {
    grammar.mask(place, allowed);
  } catch (const std::length_error&) {
    return false;  // it calls itself without end
  }
  const bool mayEnd = grammar.mayEnd(place);
  for (const int32_t token : stopTokens) {
    const uint32_t bit = 1u << (token % 32);
    uint32_t& word = allowed[static_cast<size_t>(token) / 32];
    word = mayEnd ? word | bit : word & ~bit;
  }
  bool any = false;
  for (size_t token = 0; token < logits.size(); ++token) {
    if (allowed[token / 32] >> (token % 32) & 1u) {
      any = true;
    } else {
      logits[token] = -std::numeric_limits<float>::infinity();
    }
  }
  return any;
}

// out[m,n] = x[m,k] weight^T; from the panels where there are some, with the same bits.
void multiply(const float* x, WeightData weight, const float* panels, float* out, int64_t m, int64_t n, int64_t k) {
  if (panels) {
    multiplyPanels(x, panels, out, m, n, k);
  } else {
    matmul(x, weight, out, {.m = m, .n = n, .k = k, .transposeB = true});
  }
}
// Two of them with the same rows.
void multiplyBoth(const float* x, const WeightProduct& first, const float* firstPanels, const WeightProduct& second,
                  const float* secondPanels, int64_t m, int64_t k) {
  if (firstPanels && secondPanels) {
    multiplyPanels(x, firstPanels, first.out, m, first.n, k);
    multiplyPanels(x, secondPanels, second.out, m, second.n, k);
  } else {
    const WeightProduct both[] = {first, second};
    matmulEach(x, both, m, k);
  }
}

}  // namespace

// A token at a position of a slot; `output` is the row of hidden states that receives its last layer's output, or -1.
struct Sampler::Row {
  int32_t token;
  int32_t position;
  int slot;
  int output;
};

// A sequence that still grows: it runs, or it waits for a slot and room.
struct Sampler::Sequence {
  size_t request;
  int slot;            // -1: any
  int64_t position;    // of the token to be chosen
  int64_t left;        // tokens it may still get
  uint64_t seed;
  int32_t token = -1;  // the last one chosen; -1 when there was none to choose
  float logprob = 0.0f;
  float untruncatedLogprob = 0.0f;
  int64_t promptLength = 0;
  bool isSlotGiven = false;        // by the request; else the slot is free again when the sequence is done or has to wait
  std::vector<int32_t> tokens{};   // prompt and new tokens
  std::string tail{};              // the end of what it says, where stop texts are looked for
  std::shared_ptr<TokenGrammar> grammar{};
  TokenGrammar::Place place = 0;   // in the text of the grammar
};

// Buffers of a forward pass, row-major, activationRows() rows each.
struct Sampler::Activations {
  TensorArray x, normed, q, attended, k, v, gate, up, low, logits, hidden;
  std::vector<int32_t> positions, tokens;
};

// The matrices of a small model in panels, in the order of packPanels(); empty otherwise.
struct Sampler::Panels {
  struct Layer {
    const float *q, *k, *v, *o, *gate, *up, *down;
  };
  TensorArray data;
  std::vector<Layer> layers;
  const float* head = nullptr;
};

Sampler::Sampler(const DecoderConfig& config, int64_t maxSlots, int64_t maxTokensPerSlot, int64_t cacheTokens)
    : config_(config),
      cacheExtents_(parl::cacheExtents(config, maxSlots, maxTokensPerSlot, cacheTokens)),
      cache_(cacheExtents_),
      activations_(std::make_unique<Activations>()),
      panels_(std::make_unique<Panels>()),
      slotTokens_(static_cast<size_t>(maxSlots)),
      ledger_(maxSlots, cacheExtents_.budget) {
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
  panels_->data = TensorArray(panelFloats(config));
}

Sampler::~Sampler() = default;

int64_t Sampler::memoryBytes(const DecoderConfig& config, int64_t maxSlots, int64_t maxTokensPerSlot, int64_t cacheTokens) {
  const int64_t floats = activationRows(maxSlots) * (floatsPerRow(config) + 2) + logitFloats(config, maxSlots) +
                         maxSlots * config.hiddenSize + panelFloats(config);
  return KvCache::bytes(parl::cacheExtents(config, maxSlots, maxTokensPerSlot, cacheTokens)) + floats * static_cast<int64_t>(sizeof(float));
}

void Sampler::reset() {
  for (size_t slot = 0; slot < slotTokens_.size(); ++slot) shrink(static_cast<int>(slot), 0);
}

// Leaves a slot at most `tokens`, and gives back what held the others.
void Sampler::shrink(int slot, int64_t tokens) {
  auto& held = slotTokens_[static_cast<size_t>(slot)];
  if (tokens < static_cast<int64_t>(held.size())) held.resize(static_cast<size_t>(tokens));
  const int64_t before = ledger_.reserved(slot), after = CacheLedger::rounded(tokens);
  if (after >= before) return;
  cache_.release(slot, after, before);
  ledger_.reserve(slot, tokens);
}

// Reserves `tokens` for a slot. For want of room, idle slots lose panels from their ends, the oldest first; false where that is not enough.
bool Sampler::makeRoom(int slot, int64_t tokens) {
  while (!ledger_.hasRoom(slot, tokens)) {
    const int oldest = ledger_.oldestIdle(true);
    if (oldest < 0) return false;
    const int64_t missing = CacheLedger::rounded(tokens) - ledger_.reserved(slot) - ledger_.free();
    shrink(oldest, std::max<int64_t>(0, ledger_.reserved(oldest) - missing));
  }
  shrink(slot, tokens);
  ledger_.reserve(slot, tokens);
  return true;
}

// An idle slot for a sequence: one that it continues, the longest; else one that holds nothing; else the oldest.
int Sampler::slotFor(const std::vector<int32_t>& tokens) const {
  int continued = -1, empty = -1;
  size_t longest = 0;
  for (size_t s = 0; s < slotTokens_.size(); ++s) {
    if (ledger_.isBusy(static_cast<int>(s))) continue;
    const auto& held = slotTokens_[s];
    if (held.empty()) {
      if (empty < 0) empty = static_cast<int>(s);
    } else if (held.size() > longest && held.size() <= tokens.size() && std::equal(held.begin(), held.end(), tokens.begin())) {
      longest = held.size();
      continued = static_cast<int>(s);
    }
  }
  if (continued >= 0) return continued;
  return empty >= 0 ? empty : ledger_.oldestIdle(false);
}

void Sampler::packPanels(const DecoderWeights& weights) {
  const DecoderConfig& c = config_;
  const int64_t d = c.hiddenSize, f = c.intermediateSize, q = c.numHeads * c.headDim, kv = c.numKvHeads * c.headDim;
  Panels& panels = *panels_;
  panels.layers.assign(weights.layers.size(), {});
  panels.head = nullptr;
  if (panelFloats(config_) == 0) return;
  float* next = panels.data.data();
  const auto pack = [&next](WeightData weight, int64_t n, int64_t k) {
    float* to = next;
    packWeight(weight, n, k, to);
    next += weightPanelFloats(n, k);
    return to;
  };
  for (size_t l = 0; l < weights.layers.size(); ++l) {
    const DecoderLayer& layer = weights.layers[l];
    panels.layers[l] = {pack(layer.qProj, q, d),    pack(layer.kProj, kv, d), pack(layer.vProj, kv, d), pack(layer.oProj, d, q),
                        pack(layer.gateProj, f, d), pack(layer.upProj, f, d), pack(layer.downProj, d, f)};
  }
  panels.head = pack(weights.head, c.vocabSize, d);
}

void Sampler::forward(const DecoderWeights& weights, std::span<const Row> rows, int64_t first) {
  const DecoderConfig& c = config_;
  const int64_t d = c.hiddenSize, qWidth = c.numHeads * c.headDim, kvWidth = c.numKvHeads * c.headDim;
  const int64_t f = c.intermediateSize;
  int64_t n = static_cast<int64_t>(rows.size());
  Activations& a = *activations_;
  float *x = a.x.data() + first * d, *normed = a.normed.data() + first * d;
  float *q = a.q.data() + first * qWidth, *attended = a.attended.data() + first * qWidth;
  float *k = a.k.data() + first * kvWidth, *v = a.v.data() + first * kvWidth;
  float *gate = a.gate.data() + first * f, *up = a.up.data() + first * f;
  float* low = a.low.data() + first * c.adapterRank;
  int32_t *positions = a.positions.data() + first, *tokens = a.tokens.data() + first;

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
  const auto runsOf = [](const std::vector<Row>& list) {
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
  std::vector<Row> queries(rows.begin(), rows.end());
  const std::vector<Run> keyRuns = runsOf(queries);
  std::vector<Run> queryRuns = keyRuns;
  std::vector<AttentionSegment> segments;

  // The same operations in the same order as in training.
  const auto addLowRank = [low](const float* x, const LowRank& adapter, float* y, int64_t m, int64_t out, int64_t in) {
    if (adapter.a == nullptr) return;
    matmul(x, adapter.a, low, {.m = m, .n = adapter.rank, .k = in, .transposeB = true});
    for (int64_t i = 0; i < m * adapter.rank; ++i) low[i] *= adapter.scale;
    matmul(low, adapter.b, y, {.m = m, .n = out, .k = adapter.rank, .transposeB = true, .accumulate = true});
  };

  for (size_t l = 0; l < weights.layers.size(); ++l) {
    const DecoderLayer& layer = weights.layers[l];
    const Panels::Layer& panels = panels_->layers[l];
    const int64_t layerIndex = static_cast<int64_t>(l);
    rmsNormForward(x, layer.inputNorm, normed, nullptr, n, d, c.rmsNormEps);

    // What follows the product of a projection.
    const auto finish = [&](const float* bias, const LowRank& adapter, const float* norm, float* y, int64_t heads, bool turn) {
      const int64_t width = heads * c.headDim;
      if (bias) addBias(y, bias, y, n, width);
      addLowRank(normed, adapter, y, n, width, d);
      if (norm) rmsNormForward(y, norm, y, nullptr, n * heads, c.headDim, c.rmsNormEps);
      if (turn) ropeApply(y, positions, y, n, heads, c.headDim, c.rope, false);
    };
    multiplyBoth(normed, {layer.kProj, k, kvWidth}, panels.k, {layer.vProj, v, kvWidth}, panels.v, n, d);
    finish(layer.kBias, layer.kAdapter, layer.kNorm, k, c.numKvHeads, true);
    finish(layer.vBias, layer.vAdapter, nullptr, v, c.numKvHeads, false);
    parallelFor(static_cast<int64_t>(keyRuns.size()), 1, [&](int64_t begin, int64_t end) {
      for (int64_t r = begin; r < end; ++r) {
        const Run& run = keyRuns[static_cast<size_t>(r)];
        float* keys = cache_.keys(run.slot, layerIndex);
        float* values = cache_.values(run.slot, layerIndex);
        for (int64_t head = 0; head < c.numKvHeads; ++head) {
          packKeys(k + run.row * kvWidth + head * c.headDim, kvWidth, run.position, run.count, c.headDim,
                   keys + head * cache_.keyHeadStride());
          float* to = values + head * cache_.valueHeadStride() + run.position * c.headDim;
          const float* from = v + run.row * kvWidth + head * c.headDim;
          for (int64_t i = 0; i < run.count; ++i) {
            std::memcpy(to + i * c.headDim, from + i * kvWidth, static_cast<size_t>(c.headDim) * sizeof(float));
          }
        }
      }
    });

    // Behind the last layer's keys and values only rows whose output is wanted go on: of a prompt, the last one.
    if (l + 1 == weights.layers.size()) {
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
      if (kept < queries.size()) {
        queries.resize(kept);
        queryRuns = runsOf(queries);
        n = static_cast<int64_t>(kept);
      }
      if (n == 0) return;
    }

    multiply(normed, layer.qProj, panels.q, q, n, qWidth, d);
    finish(layer.qBias, layer.qAdapter, layer.qNorm, q, c.numHeads, true);
    segments.clear();
    for (const Run& run : queryRuns) {
      segments.push_back({.q = q + run.row * qWidth,
                          .out = attended + run.row * qWidth,
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
    multiply(attended, layer.oProj, panels.o, normed, n, d, qWidth);
    addLowRank(attended, layer.oAdapter, normed, n, d, qWidth);
    add(x, normed, x, n * d);

    rmsNormForward(x, layer.postNorm, normed, nullptr, n, d, c.rmsNormEps);
    multiplyBoth(normed, {layer.gateProj, gate, f}, panels.gate, {layer.upProj, up, f}, panels.up, n, d);
    addLowRank(normed, layer.gateAdapter, gate, n, f, d);
    addLowRank(normed, layer.upAdapter, up, n, f, d);
    swigluForward(gate, up, gate, n * f);
    multiply(gate, layer.downProj, panels.down, normed, n, d, f);
    addLowRank(gate, layer.downAdapter, normed, n, d, f);
    add(x, normed, x, n * d);
  }
  for (int64_t i = 0; i < n; ++i) {
    std::memcpy(a.hidden.data() + queries[static_cast<size_t>(i)].output * d, x + i * d, static_cast<size_t>(d) * sizeof(float));
  }
}

bool Sampler::prefill(const DecoderWeights& weights, std::span<const Sequence> joining, int64_t firstHidden,
                      const std::atomic<bool>& abort) {
  std::vector<PrefixRequest> prompts;
  for (const Sequence& sequence : joining) prompts.push_back({sequence.slot, sequence.tokens});
  const std::vector<PrefixReuse> plan = planPrefixes(prompts, slotTokens_);
  int waves = 0;
  for (size_t i = 0; i < plan.size(); ++i) {
    slotTokens_[static_cast<size_t>(joining[i].slot)].resize(static_cast<size_t>(plan[i].kept));
    waves = std::max(waves, plan[i].wave + 1);
  }

  for (int wave = 0; wave < waves; ++wave) {
    std::vector<Row> rows;
    for (size_t i = 0; i < plan.size(); ++i) {
      if (plan[i].wave != wave) continue;
      const auto& prompt = joining[i].tokens;
      const int slot = joining[i].slot;
      auto& tokens = slotTokens_[static_cast<size_t>(slot)];
      if (plan[i].source >= 0) {
        cache_.copy(plan[i].source, slot, plan[i].kept, plan[i].reused);
        tokens.assign(prompt.begin(), prompt.begin() + plan[i].reused);
      }
      const int64_t output = firstHidden + static_cast<int64_t>(i);
      if (plan[i].duplicateOf >= 0) {
        const int64_t d = config_.hiddenSize;
        float* hidden = activations_->hidden.data();
        std::memcpy(hidden + output * d, hidden + (firstHidden + plan[i].duplicateOf) * d, static_cast<size_t>(d) * sizeof(float));
      }
      const auto size = static_cast<int64_t>(prompt.size());
      for (int64_t t = plan[i].reused; t < size; ++t) {
        rows.push_back({prompt[static_cast<size_t>(t)], static_cast<int32_t>(t), slot, t + 1 == size ? static_cast<int>(output) : -1});
      }
      if (size > joining[i].promptLength) {
        recomputedTokens_ += size - plan[i].reused;
      } else {
        computedPromptTokens_ += size - plan[i].reused;
        reusedPromptTokens_ += plan[i].reused;
      }
    }
    const std::span<const Row> all(rows);
    for (size_t begin = 0; begin < all.size(); begin += kPrefillRows) {
      if (abort.load(std::memory_order_relaxed)) return false;
      const auto chunk = all.subspan(begin, std::min(all.size() - begin, static_cast<size_t>(kPrefillRows)));
      forward(weights, chunk, 0);
      for (const Row& row : chunk) slotTokens_[static_cast<size_t>(row.slot)].push_back(row.token);
    }
  }
  return true;
}

// Draws from what the rules leave of a row of logits.
void Sampler::chooseByRules(Sequence& sequence, std::span<const float> logits, const GenerationOptions& options) {
  thread_local std::vector<float> scores;
  scores.assign(logits.begin(), logits.end());
  if (sequence.grammar && !keepToGrammar(*sequence.grammar, sequence.place, options.stopTokens, scores)) {
    sequence.token = kNoToken;
    return;
  }
  processLogits(scores, sequence.tokens, sequence.promptLength, options.temperature, options.rules);
  const int64_t v = static_cast<int64_t>(scores.size());
  if (sequence.grammar && std::all_of(scores.begin(), scores.end(), [](float x) { return x == -std::numeric_limits<float>::infinity(); })) {
    sequence.token = kNoToken;
    return;
  }
  const LogprobRow sums = logprobRow(scores.data(), v, 1.0f, false);
  sequence.token = options.temperature == 0.0f
                       ? PARL_DISPATCH(argmaxToken)(scores.data(), v)
                       : PARL_DISPATCH(sampleToken)(scores.data(), v, 1.0f, static_cast<float>(sums.logSumExp),
                                                    uniformAt(sequence.seed, static_cast<uint64_t>(sequence.position)));
  if (sequence.token < 0) return;
  sequence.logprob = tokenLogprob(sums, scores[static_cast<size_t>(sequence.token)], 1.0f);
  if (!options.untruncatedLogprobs) return;
  const float inverseTemperature = options.temperature == 0.0f ? 1.0f : 1.0f / options.temperature;
  const LogprobRow all = logprobRow(logits.data(), v, inverseTemperature, false);
  sequence.untruncatedLogprob = tokenLogprob(all, logits[static_cast<size_t>(sequence.token)], inverseTemperature);
}

// Chooses a token for sequences whose hidden states are rows `first` and on.
void Sampler::chooseTokens(const DecoderWeights& weights, std::span<Sequence> sequences, const GenerationOptions& options,
                           int64_t first) {
  const int64_t d = config_.hiddenSize, v = config_.vocabSize;
  const bool greedy = options.temperature == 0.0f;
  const float inverseTemperature = greedy ? 1.0f : 1.0f / options.temperature;
  const int64_t count = static_cast<int64_t>(sequences.size());
  for (int64_t tile = 0; tile < count; tile += kLogitRows) {
    const int64_t n = std::min(kLogitRows, count - tile);
    float* normed = activations_->normed.data() + (first + tile) * d;
    float* logits = activations_->logits.data() + (isSmall(config_) ? first + tile : 0) * v;
    rmsNormForward(activations_->hidden.data() + (first + tile) * d, weights.finalNorm, normed, nullptr, n, d, config_.rmsNormEps);
    multiply(normed, weights.head, panels_->head, logits, n, v, d);
    parallelFor(n, 1, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        Sequence& sequence = sequences[static_cast<size_t>(tile + i)];
        const float* row = logits + i * v;
        if (options.rules.active() || sequence.grammar) {
          chooseByRules(sequence, {row, static_cast<size_t>(v)}, options);
          continue;
        }
        const LogprobRow sums = logprobRow(row, v, inverseTemperature, false);
        sequence.token = greedy ? PARL_DISPATCH(argmaxToken)(row, v)
                                : PARL_DISPATCH(sampleToken)(row, v, inverseTemperature, static_cast<float>(sums.logSumExp),
                                                             uniformAt(sequence.seed, static_cast<uint64_t>(sequence.position)));
        if (sequence.token >= 0) {
          sequence.logprob = sequence.untruncatedLogprob = tokenLogprob(sums, row[sequence.token], inverseTemperature);
        }
      }
    });
  }
}

GenerationResult Sampler::generate(const DecoderWeights& weights, const std::vector<GenerationRequest>& requests,
                                   const GenerationOptions& options, const std::atomic<bool>& abort) {
  GenerationResult result;
  result.sequences.resize(requests.size());
  std::deque<Sequence> waiting;
  std::vector<Sequence> active;  // in the order in which they joined
  for (size_t i = 0; i < requests.size(); ++i) {
    const auto& [slot, prompt, maxNewTokens, seed, grammar] = requests[i];
    const auto length = static_cast<int64_t>(prompt.size());
    waiting.push_back({.request = i, .slot = slot, .position = length, .left = maxNewTokens, .seed = seed, .promptLength = length,
                       .isSlotGiven = slot >= 0, .tokens = prompt, .grammar = grammar, .place = grammar ? grammar->start() : 0});
  }
  const auto leave = [this](const Sequence& sequence) {
    ledger_.setBusy(sequence.slot, false);
    shrink(sequence.slot, static_cast<int64_t>(slotTokens_[static_cast<size_t>(sequence.slot)].size()));
  };
  const auto ended = [&](GenerationStatus status) -> GenerationResult {
    for (const Sequence& sequence : active) leave(sequence);
    result.status = status;
    return std::move(result);
  };
  packPanels(weights);

  std::vector<Row> rows;
  while (!waiting.empty() || !active.empty()) {
    // Room for the token that each running sequence stores in this step; the last to join yields.
    bool isShort = false;
    for (size_t i = 0; i < active.size(); ++i) {
      while (i < active.size() && !makeRoom(active[i].slot, active[i].position)) {
        isShort = true;
        ++preemptions_;
        leave(active.back());
        if (!active.back().isSlotGiven) active.back().slot = -1;
        waiting.push_front(std::move(active.back()));
        active.pop_back();
      }
    }
    rows.clear();
    for (size_t i = 0; i < active.size(); ++i) {
      rows.push_back({active[i].token, static_cast<int32_t>(active[i].position - 1), active[i].slot, static_cast<int>(i)});
    }

    // Those in front join while there is room for their tokens, and a panel for each that runs, so that all of them get on.
    const size_t running = active.size();
    while (!isShort && !waiting.empty() && active.size() < slotTokens_.size()) {
      Sequence& next = waiting.front();
      const int slot = next.isSlotGiven ? next.slot : slotFor(next.tokens);
      const int64_t tokens = std::min(next.position + 1, next.position + next.left - 1);
      const int64_t spare = kKeyPanel * static_cast<int64_t>(active.size());
      if (!ledger_.canHaveRoom(slot, tokens + spare)) break;
      ledger_.setBusy(slot, true);
      makeRoom(slot, tokens);
      next.slot = slot;
      active.push_back(std::move(next));
      waiting.pop_front();
    }
    const std::span<Sequence> sequences(active);
    if (running < active.size() && !prefill(weights, sequences.subspan(running), static_cast<int64_t>(running), abort)) {
      return ended(GenerationStatus::aborted);
    }

    const int64_t batch = static_cast<int64_t>(active.size());
    const auto step = [&](int64_t begin, int64_t end) {
      const size_t from = static_cast<size_t>(begin), size = static_cast<size_t>(end - begin);
      if (from < running) forward(weights, std::span<const Row>(rows).subspan(from, std::min(size, running - from)), begin);
      chooseTokens(weights, sequences.subspan(from, size), options, begin);
    };
    if (isSmall(config_) && batch >= 2 * kRowsPerThread) {
      parallelFor(batch, std::max(kRowsPerThread, batch / threadCount()), step);  // one range a thread: each reads all weights
    } else {
      step(0, batch);
    }
    for (const Row& row : rows) slotTokens_[static_cast<size_t>(row.slot)].push_back(row.token);

    size_t kept = 0;
    for (size_t i = 0; i < active.size(); ++i) {
      Sequence& sequence = active[i];
      if (sequence.token < 0) {
        const bool noToken = sequence.token == kNoToken;
        result.request = sequence.request;
        result.slot = sequence.slot;
        result.position = sequence.position;
        active.erase(active.begin() + static_cast<std::ptrdiff_t>(kept), active.begin() + static_cast<std::ptrdiff_t>(i));
        return ended(noToken ? GenerationStatus::noToken : GenerationStatus::notFinite);
      }
      GeneratedSequence& out = result.sequences[sequence.request];
      out.tokens.push_back(sequence.token);
      out.logprobs.push_back(sequence.logprob);
      if (options.untruncatedLogprobs) out.untruncatedLogprobs.push_back(sequence.untruncatedLogprob);
      sequence.tokens.push_back(sequence.token);
      if (options.stopTexts.active()) {
        const int found = options.stopTexts.find(sequence.token, sequence.tail);
        if (static_cast<int64_t>(out.tokens.size()) >= options.rules.minNewTokens) out.stopText = found;
      }
      const bool isStopToken = std::find(options.stopTokens.begin(), options.stopTokens.end(), sequence.token) != options.stopTokens.end();
      out.stopped = isStopToken || out.stopText >= 0;
      if (sequence.grammar && !isStopToken) sequence.place = sequence.grammar->advance(sequence.place, sequence.token);
      ++sequence.position;
      if (out.stopped || --sequence.left == 0) {
        leave(sequence);
        continue;
      }
      if (kept != i) active[kept] = std::move(sequence);
      ++kept;
    }
    active.erase(active.begin() + static_cast<std::ptrdiff_t>(kept), active.end());
    if (!(active.empty() && waiting.empty()) && abort.load(std::memory_order_relaxed)) return ended(GenerationStatus::aborted);
  }
  return result;
}

}  // namespace parl
