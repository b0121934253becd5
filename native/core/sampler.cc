#include "core/sampler.h"

#include <algorithm>
#include <deque>
#include <limits>
#include <stdexcept>

#include "core/attention.h"
#include "core/logprob.h"
#include "core/philox.h"
#include "core/sample_token.h"
#include "core/shares.h"
#include "core/thread_pool.h"

namespace parl {
namespace {

constexpr int64_t kRowsPerThread = 4;  // fewer leave the matrix kernels half empty
constexpr int64_t kTurnTokens = 32;    // of each sequence of a group before another group has its turn
constexpr int64_t kFewestPromptRows = 64;  // that a thread computes at a time, where it does by itself
constexpr int64_t kSharesPerThread = 4;
constexpr int32_t kNoToken = -2;       // in place of a chosen token: the grammar left none

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

}  // namespace

// A sequence that still grows: it runs, or it waits for a slot and room.
struct Sampler::Sequence {
  size_t request;
  int slot;            // -1: any
  int64_t position;    // of the token to be chosen
  int64_t left;        // tokens it may still get
  int64_t turn = 1;    // those of them that there is room for, and that it gets before others have their turn
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
  bool isStopped = false;          // by what it said
};

Sampler::Sampler(const DecoderConfig& config, int64_t maxSlots, int64_t maxTokensPerSlot, int64_t cacheTokens)
    : decoder_(config, maxSlots, maxTokensPerSlot, cacheTokens),
      slotTokens_(static_cast<size_t>(maxSlots)),
      ledger_(maxSlots, decoder_.cacheExtents().budget) {}

Sampler::~Sampler() = default;

int64_t Sampler::memoryBytes(const DecoderConfig& config, int64_t maxSlots, int64_t maxTokensPerSlot, int64_t cacheTokens) {
  return CachedDecoder::memoryBytes(config, maxSlots, maxTokensPerSlot, cacheTokens);
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
  decoder_.cache().release(slot, after, before);
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
    std::vector<std::vector<CachedRow>> stored;  // of each prompt, what is to be computed
    for (size_t i = 0; i < plan.size(); ++i) {
      if (plan[i].wave != wave) continue;
      const auto& prompt = joining[i].tokens;
      const int slot = joining[i].slot;
      auto& tokens = slotTokens_[static_cast<size_t>(slot)];
      if (plan[i].source >= 0) {
        decoder_.cache().copy(plan[i].source, slot, plan[i].kept, plan[i].reused);
        tokens.assign(prompt.begin(), prompt.begin() + plan[i].reused);
      }
      const int64_t output = firstHidden + static_cast<int64_t>(i);
      if (plan[i].duplicateOf >= 0) decoder_.copyHidden(firstHidden + plan[i].duplicateOf, output);
      const auto size = static_cast<int64_t>(prompt.size());
      std::vector<CachedRow>& rows = stored.emplace_back();
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
    if (!store(weights, stored, abort)) return false;
  }
  return true;
}

// Computes and stores prompts, none of which continues another. False where it was aborted.
bool Sampler::store(const DecoderWeights& weights, std::span<const std::vector<CachedRow>> prompts, const std::atomic<bool>& abort) {
  // Chunks of `most` rows, with the activations of rows from `first` on.
  const auto run = [&](std::span<const CachedRow> rows, int64_t first, int64_t most) {
    for (size_t begin = 0; begin < rows.size(); begin += static_cast<size_t>(most)) {
      if (abort.load(std::memory_order_relaxed)) return;
      const auto chunk = rows.subspan(begin, std::min(rows.size() - begin, static_cast<size_t>(most)));
      decoder_.forward(weights, chunk, first);
      for (const CachedRow& row : chunk) slotTokens_[static_cast<size_t>(row.slot)].push_back(row.token);
    }
  };
  const int64_t threads = threadCount(), own = CachedDecoder::kPrefillRows / threads;
  int64_t total = 0;
  for (const auto& prompt : prompts) total += static_cast<int64_t>(prompt.size());
  const auto grouped = [&](int64_t most) {
    std::vector<std::vector<CachedRow>> groups;
    for (const auto& prompt : prompts) {
      if (groups.empty() || static_cast<int64_t>(groups.back().size() + prompt.size()) > most) groups.emplace_back();
      groups.back().insert(groups.back().end(), prompt.begin(), prompt.end());
    }
    return groups;
  };

  if (decoder_.isSmall() && own >= kFewestPromptRows) {
    const auto shares = grouped(std::clamp(total / (threads * kSharesPerThread), kFewestPromptRows, own));
    std::vector<int64_t> lengths;
    for (const auto& share : shares) lengths.push_back(static_cast<int64_t>(share.size()));
    if (isBalanced(lengths, threads)) {
      const std::vector<size_t> order = longestFirst(lengths);
      parallelEach(
          static_cast<int64_t>(shares.size()),
          [&](int64_t i, int64_t worker) { run(shares[order[static_cast<size_t>(i)]], worker * own, own); }, threads);
      return !abort.load(std::memory_order_relaxed);
    }
  }
  for (const auto& all : grouped(total)) run(all, 0, CachedDecoder::kPrefillRows);
  return !abort.load(std::memory_order_relaxed);
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
void Sampler::chooseTokens(const DecoderWeights& weights, std::span<Sequence* const> sequences, const GenerationOptions& options,
                           int64_t first) {
  const int64_t v = decoder_.config().vocabSize;
  const bool greedy = options.temperature == 0.0f;
  const float inverseTemperature = greedy ? 1.0f : 1.0f / options.temperature;
  const int64_t count = static_cast<int64_t>(sequences.size());
  for (int64_t tile = 0; tile < count; tile += CachedDecoder::kLogitRows) {
    const int64_t n = std::min(CachedDecoder::kLogitRows, count - tile);
    const float* logits = decoder_.logits(weights, first + tile, n);
    parallelFor(n, 1, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        Sequence& sequence = *sequences[static_cast<size_t>(tile + i)];
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

// Adds the token that a sequence chose to what it said.
void Sampler::take(Sequence& sequence, const GenerationOptions& options, GeneratedSequence& out) {
  out.tokens.push_back(sequence.token);
  out.logprobs.push_back(sequence.logprob);
  if (options.untruncatedLogprobs) out.untruncatedLogprobs.push_back(sequence.untruncatedLogprob);
  sequence.tokens.push_back(sequence.token);
  if (options.stopTexts.active()) {
    const int found = options.stopTexts.find(sequence.token, sequence.tail);
    if (static_cast<int64_t>(out.tokens.size()) >= options.rules.minNewTokens) out.stopText = found;
  }
  const bool isStopToken = std::find(options.stopTokens.begin(), options.stopTokens.end(), sequence.token) != options.stopTokens.end();
  out.stopped = sequence.isStopped = isStopToken || out.stopText >= 0;
  if (sequence.grammar && !isStopToken) sequence.place = sequence.grammar->advance(sequence.place, sequence.token);
  ++sequence.position;
  --sequence.left;
  --sequence.turn;
}

// Lets sequences have their turns, all of them a token at a time. The first `running` go on from the token that they chose last, the
// others from what prefill left among the hidden states; activations and hidden states are those of the rows from `first` on.
void Sampler::takeTurns(const DecoderWeights& weights, std::span<Sequence> sequences, size_t running, int64_t first,
                        const GenerationOptions& options, std::vector<GeneratedSequence>& out, const std::atomic<bool>& abort) {
  std::vector<Sequence*> going;
  std::vector<CachedRow> rows;
  for (Sequence& sequence : sequences) going.push_back(&sequence);
  do {
    rows.clear();
    for (size_t i = 0; i < running; ++i) {
      const Sequence& sequence = *going[i];
      rows.push_back({sequence.token, static_cast<int32_t>(sequence.position - 1), sequence.slot, static_cast<int>(first) + static_cast<int>(i)});
    }
    if (!rows.empty()) decoder_.forward(weights, rows, first);
    for (const CachedRow& row : rows) slotTokens_[static_cast<size_t>(row.slot)].push_back(row.token);
    chooseTokens(weights, going, options, first);
    std::erase_if(going, [&](Sequence* sequence) {
      if (sequence->token < 0) return true;
      take(*sequence, options, out[sequence->request]);
      return sequence->isStopped || sequence->turn == 0;
    });
    running = going.size();
  } while (running > 0 && !abort.load(std::memory_order_relaxed));
}

// Sequences that a thread lets go on together: as many as have their keys and values stay in the caches, beside the weights and
// those of the other threads; a share of all where that is too few.
int64_t Sampler::groupSize(std::span<const Sequence> sequences) const {
  const int64_t batch = static_cast<int64_t>(sequences.size()), threads = threadCount();
  if (!decoder_.isSmall() || batch < 2 * kRowsPerThread) return batch;
  int64_t longest = 0;
  for (const Sequence& sequence : sequences) longest = std::max(longest, sequence.position + kTurnTokens);
  const int64_t share = std::max(kRowsPerThread, (batch + threads - 1) / threads);
  const int64_t held = decoder_.sequencesInCache(longest) / threads;
  if (held < kRowsPerThread || held >= share) return share;
  const int64_t groups = ((batch + held - 1) / held + threads - 1) / threads * threads;  // as many for every thread
  return (batch + groups - 1) / groups;
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
  decoder_.pack(weights);

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

    const int64_t batch = static_cast<int64_t>(active.size()), group = groupSize(active), groups = (batch + group - 1) / group;
    for (Sequence& sequence : active) {
      // Where no thread has a second group to turn to, waiting sequences may join after every token.
      sequence.turn = std::min(sequence.left, groups > threadCount() ? kTurnTokens : 1);
      const int64_t tokens = sequence.position + sequence.turn - 1;
      if (ledger_.hasRoom(sequence.slot, tokens)) {
        ledger_.reserve(sequence.slot, std::max(tokens, ledger_.reserved(sequence.slot)));
      } else {
        sequence.turn = ledger_.reserved(sequence.slot) - sequence.position + 1;
      }
    }
    const auto turnsOf = [&](int64_t begin, int64_t end) {
      for (int64_t g = begin; g < end; ++g) {
        const size_t from = static_cast<size_t>(batch * g / groups), to = static_cast<size_t>(batch * (g + 1) / groups);
        takeTurns(weights, sequences.subspan(from, to - from), std::min(to, std::max(from, running)) - from,
                  static_cast<int64_t>(from), options, result.sequences, abort);
      }
    };
    if (groups > 1) {
      parallelFor(groups, 1, turnsOf);
    } else {
      turnsOf(0, 1);  // the threads share each operation
    }

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
      if (sequence.isStopped || sequence.left == 0) {
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
