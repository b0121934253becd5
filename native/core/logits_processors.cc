#include "core/logits_processors.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace parl {
namespace {

constexpr float kMinusInfinity = -std::numeric_limits<float>::infinity();

void ban(std::span<float> logits, std::span<const int32_t> banned) {
  for (const int32_t token : banned) {
    if (static_cast<size_t>(token) < logits.size()) logits[static_cast<size_t>(token)] = kMinusInfinity;
  }
}

void penaliseRepetition(std::span<float> logits, std::span<const int32_t> tokens, float penalty) {
  std::vector<int32_t> distinct(tokens.begin(), tokens.end());
  std::sort(distinct.begin(), distinct.end());
  distinct.erase(std::unique(distinct.begin(), distinct.end()), distinct.end());
  for (const int32_t token : distinct) {
    float& logit = logits[static_cast<size_t>(token)];
    logit = logit < 0.0f ? logit * penalty : logit / penalty;
  }
}

void banRepeatedNgrams(std::span<float> logits, std::span<const int32_t> tokens, int64_t n) {
  const size_t prefix = static_cast<size_t>(n - 1);
  if (tokens.size() < static_cast<size_t>(n)) return;
  const auto last = tokens.last(prefix);
  for (size_t i = 0; i + prefix < tokens.size(); ++i) {
    if (std::equal(last.begin(), last.end(), tokens.begin() + static_cast<std::ptrdiff_t>(i))) {
      logits[static_cast<size_t>(tokens[i + prefix])] = kMinusInfinity;
    }
  }
}

// As in transformers, a sequence longer than what there is so far is not looked at, and one that is an end token alone never.
void banBadWords(std::span<float> logits, std::span<const int32_t> tokens, const SamplingRules& rules) {
  for (const auto& word : rules.badWords) {
    if (word.empty()) continue;
    if (word.size() > 1 && word.size() > tokens.size()) continue;
    const bool isEnd = word.size() == 1 && std::find(rules.endTokens.begin(), rules.endTokens.end(), word[0]) != rules.endTokens.end();
    if (isEnd) continue;
    const auto last = tokens.last(std::min(tokens.size(), word.size() - 1));
    if (std::equal(last.begin(), last.end(), word.begin(), word.end() - 1)) ban(logits, {&word.back(), 1});
  }
}

void keepTopK(std::span<float> scores, int64_t k) {
  if (static_cast<size_t>(k) >= scores.size()) return;
  std::vector<float> sorted(scores.begin(), scores.end());
  const auto kth = sorted.begin() + (k - 1);
  std::nth_element(sorted.begin(), kth, sorted.end(), std::greater<float>());
  const float threshold = *kth;
  for (float& score : scores) {
    if (score < threshold) score = kMinusInfinity;
  }
}

struct Candidate {
  float score;
  int32_t token;
};
// Less likely, or as likely and later: the heap's front is the likeliest, of equals the first.
bool comesLater(const Candidate& a, const Candidate& b) { return a.score != b.score ? a.score < b.score : a.token > b.token; }

void keepTopP(std::span<float> scores, double topP) {
  const float max = *std::max_element(scores.begin(), scores.end());
  if (!std::isfinite(max)) return;
  double total = 0.0;
  for (const float score : scores) total += std::exp(double{score} - double{max});
  // All that are less likely than this sum to less than 1 - topP: none of them stays.
  const double least = total * (1.0 - topP) / static_cast<double>(scores.size());
  std::vector<Candidate> heap;
  for (size_t i = 0; i < scores.size(); ++i) {
    if (scores[i] == max || std::exp(double{scores[i]} - double{max}) >= least) heap.push_back({scores[i], static_cast<int32_t>(i)});
  }
  std::make_heap(heap.begin(), heap.end(), comesLater);
  std::vector<Candidate> kept;
  // In the terms of transformers: removed while the running sum, from the least likely on, is at most 1 - topP.
  double before = 0.0;
  while (!heap.empty() && (kept.empty() || before / total < topP)) {
    std::pop_heap(heap.begin(), heap.end(), comesLater);
    if (heap.back().score == kMinusInfinity) break;
    kept.push_back(heap.back());
    before += std::exp(double{heap.back().score} - double{max});
    heap.pop_back();
  }
  std::fill(scores.begin(), scores.end(), kMinusInfinity);
  for (const Candidate& candidate : kept) scores[static_cast<size_t>(candidate.token)] = candidate.score;
}

void keepMinP(std::span<float> scores, double minP) {
  const float max = *std::max_element(scores.begin(), scores.end());
  if (!std::isfinite(max)) return;
  for (float& score : scores) {
    if (score != max && std::exp(double{score} - double{max}) < minP) score = kMinusInfinity;
  }
}

}  // namespace

bool SamplingRules::active() const {
  return repetitionPenalty != 1.0f || noRepeatNgramSize > 0 || !badWords.empty() || ((minLength > 0 || minNewTokens > 0) && !endTokens.empty()) ||
         !suppressTokens.empty() || !beginSuppressTokens.empty() || topK > 0 || topP < 1.0 || minP > 0.0;
}

void processLogits(std::span<float> logits, std::span<const int32_t> tokens, int64_t promptLength, float temperature,
                   const SamplingRules& rules) {
  const auto length = static_cast<int64_t>(tokens.size());
  const int64_t newTokens = length - promptLength;
  if (rules.repetitionPenalty != 1.0f) penaliseRepetition(logits, tokens, rules.repetitionPenalty);
  if (rules.noRepeatNgramSize > 0) banRepeatedNgrams(logits, tokens, rules.noRepeatNgramSize);
  banBadWords(logits, tokens, rules);
  if (length < rules.minLength || newTokens < rules.minNewTokens) ban(logits, rules.endTokens);
  ban(logits, rules.suppressTokens);
  if (newTokens == 0) ban(logits, rules.beginSuppressTokens);

  if (temperature != 0.0f && temperature != 1.0f) {
    for (float& logit : logits) logit /= temperature;
  }
  // NaN has no place in an order: whoever chooses the token reports it.
  const bool hasNaN = std::any_of(logits.begin(), logits.end(), [](float logit) { return std::isnan(logit); });
  if (hasNaN || logits.empty()) return;
  if (rules.topK > 0) keepTopK(logits, rules.topK);
  if (rules.topP < 1.0) keepTopP(logits, rules.topP);
  if (rules.minP > 0.0) keepMinP(logits, rules.minP);
}

}  // namespace parl
