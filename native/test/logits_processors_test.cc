#include "core/logits_processors.h"

#include <cmath>
#include <limits>

#include "check.h"
#include "core/stop_texts.h"

namespace {
constexpr float kMinusInfinity = -std::numeric_limits<float>::infinity();

std::vector<float> processed(std::vector<float> logits, const std::vector<int32_t>& tokens, int64_t promptLength, float temperature,
                             const parl::SamplingRules& rules) {
  parl::processLogits(logits, tokens, promptLength, temperature, rules);
  return logits;
}
std::vector<int> kept(const std::vector<float>& logits) {
  std::vector<int> tokens;
  for (size_t i = 0; i < logits.size(); ++i) {
    if (logits[i] != kMinusInfinity) tokens.push_back(static_cast<int>(i));
  }
  return tokens;
}
}  // namespace

// Probabilities 0.5, 0.25, 0.125, 0.125 by hand.
TEST(logits_processors_truncate) {
  const std::vector<float> logits{std::log(4.0f), std::log(8.0f), 1.0f * std::log(2.0f), std::log(2.0f)};
  CHECK((kept(processed(logits, {}, 0, 1.0f, {.topK = 1})) == std::vector<int>{1}));
  CHECK((kept(processed(logits, {}, 0, 1.0f, {.topK = 3})) == std::vector<int>{0, 1, 2, 3}));  // the third largest is tied
  CHECK((kept(processed(logits, {}, 0, 1.0f, {.topP = 0.0})) == std::vector<int>{1}));
  CHECK((kept(processed(logits, {}, 0, 1.0f, {.topP = 0.49})) == std::vector<int>{1}));
  CHECK((kept(processed(logits, {}, 0, 1.0f, {.topP = 0.51})) == std::vector<int>{0, 1}));
  CHECK((kept(processed(logits, {}, 0, 1.0f, {.topP = 0.8})) == std::vector<int>{0, 1, 2}));  // of equals the first
  CHECK((kept(processed(logits, {}, 0, 1.0f, {.minP = 0.3})) == std::vector<int>{0, 1}));
  CHECK((kept(processed(logits, {}, 0, 1.0f, {.minP = 1.0})) == std::vector<int>{1}));
}

TEST(logits_processors_penalise_and_ban) {
  const std::vector<float> logits{2.0f, -2.0f, 0.5f, 1.0f};
  CHECK((processed(logits, {0, 1, 1}, 1, 1.0f, {.repetitionPenalty = 2.0f}) == std::vector<float>{1.0f, -4.0f, 0.5f, 1.0f}));
  CHECK((kept(processed(logits, {0, 1, 2, 0, 1}, 1, 1.0f, {.noRepeatNgramSize = 3})) == std::vector<int>{0, 1, 3}));
  CHECK((kept(processed(logits, {0, 0, 1}, 1, 1.0f, {.noRepeatNgramSize = 1})) == std::vector<int>{2, 3}));
  CHECK((kept(processed(logits, {3, 2}, 1, 1.0f, {.badWords = {{2, 1}, {0, 3}, {3}}})) == std::vector<int>{0, 2}));
  CHECK((kept(processed(logits, {1, 2, 0}, 1, 1.0f, {.badWords = {{2, 0, 1}}})) == std::vector<int>{0, 2, 3}));
  CHECK((kept(processed(logits, {0, 1}, 1, 1.0f, {.minNewTokens = 2, .endTokens = {3}})) == std::vector<int>{0, 1, 2}));
  CHECK((kept(processed(logits, {0, 1, 1}, 1, 1.0f, {.minNewTokens = 2, .endTokens = {3}})) == std::vector<int>{0, 1, 2, 3}));
  CHECK((kept(processed(logits, {0}, 1, 1.0f, {.minLength = 2, .endTokens = {0}})) == std::vector<int>{1, 2, 3}));
  CHECK((kept(processed(logits, {0}, 1, 1.0f, {.suppressTokens = {1}, .beginSuppressTokens = {2}})) == std::vector<int>{0, 3}));
  CHECK((kept(processed(logits, {0, 0}, 1, 1.0f, {.suppressTokens = {1}, .beginSuppressTokens = {2}})) == std::vector<int>{0, 2, 3}));
}

TEST(logits_processors_edges) {
  CHECK(processed({}, {}, 0, 1.0f, {.topK = 1, .topP = 0.5, .minP = 0.5}).empty());
  CHECK((processed({3.0f}, {}, 0, 0.5f, {.topK = 7, .topP = 0.0, .minP = 1.0}) == std::vector<float>{6.0f}));
  const std::vector<float> none(3, kMinusInfinity);
  CHECK((processed(none, {}, 0, 1.0f, {.topK = 2, .topP = 0.5, .minP = 0.5}) == none));
  const auto odd = processed({1.0f, std::nanf(""), 2.0f}, {}, 0, 1.0f, {.topK = 1, .topP = 0.5, .minP = 0.5});
  CHECK(odd[0] == 1.0f && std::isnan(odd[1]) && odd[2] == 2.0f);
  CHECK(!parl::SamplingRules{}.active() && parl::SamplingRules{.topK = 1}.active());
}

TEST(stop_texts_cross_token_borders) {
  // Tokens: "ab", "c", "", "aab".
  parl::StopTexts stop{.texts = {"bca", "aa"}, .tokenBytes = {'a', 'b', 'c', 'a', 'a', 'b'}, .tokenOffsets = {0, 2, 3, 3, 6}};
  std::string tail;
  CHECK(stop.find(0, tail) == -1);
  CHECK(stop.find(2, tail) == -1);
  CHECK(stop.find(1, tail) == -1);
  CHECK(stop.find(3, tail) == 0);  // "abc" + "aab": "bca" begins before "aa"
  CHECK(tail.size() == 2);
  tail.clear();
  CHECK(stop.find(3, tail) == 1);
  CHECK(stop.find(0, tail) == -1);  // "ab" + "ab": the "aa" of before is not found again
}
