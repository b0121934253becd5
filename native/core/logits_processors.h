// What changes a row of logits before a token is drawn: penalties, bans, temperature, truncation.
//
// The order and the edge cases are those of Hugging Face transformers (generation/logits_process.py):
//   1. repetition penalty, no-repeat n-gram, bad words, minimum length, minimum of new tokens, suppressed tokens
//   2. division by the temperature     3. top-k     4. top-p     5. min-p
// Plain C++, not compiled per instruction set: every result is the same on all of them.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace parl {

// A default leaves the logits alone.
struct SamplingRules {
  float repetitionPenalty = 1.0f;  // > 0: every token that occurred, once: a negative logit times this, another divided by it
  int64_t noRepeatNgramSize = 0;   // n >= 1: no n tokens occur twice
  std::vector<std::vector<int32_t>> badWords{};  // none of these sequences is completed
  int64_t minLength = 0;           // prompt and new tokens: no end token before
  int64_t minNewTokens = 0;        // no end token before
  std::vector<int32_t> endTokens{};
  std::vector<int32_t> suppressTokens{};       // never
  std::vector<int32_t> beginSuppressTokens{};  // not as first new token
  int64_t topK = 0;    // keeps all that are at least the k-th largest, so ties survive
  double topP = 1.0;   // keeps the likeliest whose probabilities before them sum to less than this; of equals the lowest index first
  double minP = 0.0;   // keeps what has at least this share of the largest probability

  bool active() const;
};

// Scores of the next token, overwritten: logits / temperature where a token may come, -Infinity where not.
//   logits [vocab], NaN is not an error here: it stays, and the choice of a token finds it
//   tokens: the sequence so far, all below vocab; the first promptLength of them are the prompt
// A temperature of 0 (greedy) divides by 1. Work O(vocab + tokens), and a heap over the tokens that top-p may keep.
void processLogits(std::span<float> logits, std::span<const int32_t> tokens, int64_t promptLength, float temperature,
                   const SamplingRules& rules);

}  // namespace parl
