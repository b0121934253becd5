#include "core/redundancy.h"

#include <algorithm>
#include <limits>
#include <set>
#include <vector>

#include "check.h"
#include "core/ngrams.h"
#include "core/thread_pool.h"

using Tokens = std::vector<int32_t>;

// The full table of the textbook.
static int32_t lcsTable(const Tokens& a, const Tokens& b) {
  std::vector<int32_t> previous(b.size() + 1, 0), row(b.size() + 1, 0);
  for (int32_t x : a) {
    for (size_t j = 0; j < b.size(); ++j) row[j + 1] = x == b[j] ? previous[j] + 1 : std::max(previous[j + 1], row[j]);
    std::swap(previous, row);
  }
  return previous[b.size()];
}

static Tokens mixedTokens(uint32_t seed, size_t count, int32_t vocabulary) {
  Tokens tokens(count);
  for (size_t i = 0; i < count; ++i) {
    tokens[i] = static_cast<int32_t>((parl::test::mixed(seed, static_cast<uint32_t>(i)) + 1) * 0.5f * static_cast<float>(vocabulary));
  }
  return tokens;
}

TEST(lcs_around_word_boundaries) {
  uint32_t seed = 0;
  for (size_t m : {0, 1, 2, 63, 64, 65, 127, 128, 129, 200, 257}) {
    for (size_t n : {0, 1, 63, 64, 65, 130, 300}) {
      for (int32_t vocabulary : {1, 2, 5, 1000}) {
        const Tokens a = mixedTokens(++seed, m, vocabulary), b = mixedTokens(++seed, n, vocabulary);
        CHECK(parl::lcsLength(a, b) == lcsTable(a, b));
      }
    }
  }
}

TEST(lcs_takes_any_token) {
  const int32_t low = std::numeric_limits<int32_t>::min(), high = std::numeric_limits<int32_t>::max();
  CHECK(parl::lcsLength(Tokens{low, -1, high, 0}, Tokens{high, low, 0, high}) == 2);
}

TEST(rouge_l_worked_example) {
  // LCS of 1 2 3 4 and 2 9 4 is 2 4: precision 2/4, recall 2/3, f = 2 * 1/2 * 2/3 / (7/6) = 4/7.
  const Tokens candidate = {1, 2, 3, 4}, reference = {2, 9, 4};
  const Tokens a = {0, 4, 4}, b = {0, 3, 3};
  std::vector<double> precision(2, 9), recall(2, 9), f(2, 9);
  CHECK(parl::rougeL({candidate, a}, {reference, b}, precision, recall, f));
  CHECK(precision[0] == 0.5);
  CHECK_NEAR(recall[0], 2.0 / 3, 1e-16);
  CHECK_NEAR(f[0], 4.0 / 7, 1e-15);
  CHECK(precision[1] == 0 && recall[1] == 0 && f[1] == 0);
}

static double containment(const Tokens& candidate, const Tokens& reference, int64_t n, parl::GramCounting counting,
                          uint64_t mask = ~uint64_t{0}) {
  const Tokens a = {0, static_cast<int32_t>(candidate.size())}, b = {0, static_cast<int32_t>(reference.size())};
  std::vector<double> out(1, 9);
  CHECK(parl::ngramContainment({candidate, a}, {reference, b}, n, counting, out, mask));
  return out[0];
}

TEST(ngram_containment_worked_example) {
  // Bigrams of 1 2 1 2 3: 12 21 12 23. Of 1 2 3: 12 23. Positions 3 of 4, distinct 2 of 3, multiset 2 of 4.
  const Tokens candidate = {1, 2, 1, 2, 3}, reference = {1, 2, 3};
  CHECK(containment(candidate, reference, 2, parl::GramCounting::positions) == 0.75);
  CHECK(containment(candidate, reference, 2, parl::GramCounting::distinct) == 2.0 / 3);
  CHECK(containment(candidate, reference, 2, parl::GramCounting::multiset) == 0.5);
  CHECK(containment(candidate, reference, 4, parl::GramCounting::positions) == 0);
  CHECK(containment(candidate, reference, 6, parl::GramCounting::positions) == 0);
  CHECK(containment({}, reference, 1, parl::GramCounting::distinct) == 0);
}

TEST(ngram_containment_survives_hash_collisions) {
  for (uint32_t seed = 0; seed < 20; ++seed) {
    const Tokens a = mixedTokens(seed, 80, 6), b = mixedTokens(seed + 100, 90, 6);
    for (auto counting : {parl::GramCounting::positions, parl::GramCounting::distinct, parl::GramCounting::multiset}) {
      const double exact = containment(a, b, 3, counting);
      CHECK(containment(a, b, 3, counting, 0) == exact);
      CHECK(containment(a, b, 3, counting, 7) == exact);
    }
  }
}

TEST(redundancy_thread_count_changes_no_bit) {
  const size_t pairs = 33;
  Tokens tokens, offsets = {0};
  for (size_t s = 0; s < pairs; ++s) {
    const Tokens more = mixedTokens(static_cast<uint32_t>(s), s * 7, 9);
    tokens.insert(tokens.end(), more.begin(), more.end());
    offsets.push_back(static_cast<int32_t>(tokens.size()));
  }
  Tokens reversed(tokens.rbegin(), tokens.rend());
  std::vector<std::vector<double>> scores;
  for (int threads : {1, 2, 5}) {
    parl::setThreadCount(threads);
    std::vector<double> precision(pairs), recall(pairs), f(pairs);
    CHECK(parl::rougeL({tokens, offsets}, {reversed, offsets}, precision, recall, f));
    scores.push_back(f);
  }
  parl::setThreadCount(2);
  CHECK(scores[0] == scores[1] && scores[0] == scores[2]);
}

TEST(ngram_measures_worked_example) {
  // a: 1 2 1 2 3, b: 1 2 3 4. Bigrams a: 12 21 12 23, b: 12 23 34.
  const Tokens a = {1, 2, 1, 2, 3}, b = {1, 2, 3, 4};
  const std::vector<int32_t> ofA = {0, 5}, ofB = {0, 4};
  std::vector<double> out(1), recall(1), f(1);
  CHECK(parl::ngramJaccard({a, ofA}, {b, ofB}, 2, parl::GramCounting::distinct, out));
  CHECK_NEAR(out[0], 2.0 / 4, 1e-15);
  CHECK(parl::ngramJaccard({a, ofA}, {b, ofB}, 2, parl::GramCounting::multiset, out));
  CHECK_NEAR(out[0], 2.0 / 5, 1e-15);
  CHECK(parl::rougeN({a, ofA}, {b, ofB}, 2, out, recall, f));
  CHECK_NEAR(out[0], 2.0 / 4, 1e-15);
  CHECK_NEAR(recall[0], 2.0 / 3, 1e-15);
  CHECK_NEAR(f[0], 4.0 / 7, 1e-15);
  CHECK(parl::ngramRepetition({a, ofA}, 2, out));
  CHECK_NEAR(out[0], 1.0 / 4, 1e-15);
  // No sequence is long enough: 0, and no time spent on the size of n.
  CHECK(parl::ngramRepetition({a, ofA}, int64_t{1} << 50, out) && out[0] == 0);
  CHECK(parl::rougeN({a, ofA}, {b, ofB}, int64_t{1} << 50, out, recall, f) && f[0] == 0);
}

TEST(ngram_repetition_whatever_the_size_of_ids) {
  // Grams of 6, 20, 21, 31, 32, 63, 64 bits and more: a bitmap, narrow and wide keys, and the table.
  uint32_t seed = 0;
  for (int32_t largest : {1, 3, 127, 1023, 2047, 65535, (1 << 21) - 1, std::numeric_limits<int32_t>::max()}) {
    for (int64_t n : {1, 2, 3, 6}) {
      Tokens tokens, offsets = {0};
      for (size_t count : {400, 7, 0, 390}) {  // one after the other in the same memory
        Tokens more = mixedTokens(++seed, count, 12);
        for (size_t i = 0; i < more.size(); ++i) {
          more[i] = more[i] % 3 == 0 ? largest - std::min(largest, more[i]) : std::min(largest, more[i]);
        }
        tokens.insert(tokens.end(), more.begin(), more.end());
        offsets.push_back(static_cast<int32_t>(tokens.size()));
      }
      std::vector<double> out(4, 9);
      CHECK(parl::ngramRepetition({tokens, offsets}, n, out));
      for (size_t s = 0; s < out.size(); ++s) {
        std::set<Tokens> distinct;
        int64_t grams = 0;
        for (int64_t i = offsets[s]; i + n <= offsets[s + 1]; ++i, ++grams) {
          distinct.insert(Tokens(tokens.begin() + i, tokens.begin() + i + n));
        }
        CHECK(out[s] == (grams == 0 ? 0 : 1 - static_cast<double>(distinct.size()) / static_cast<double>(grams)));
      }
    }
  }
}
