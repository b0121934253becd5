#include "core/min_hash.h"

#include <string>
#include <vector>

#include "check.h"
#include "core/thread_pool.h"

TEST(min_hash_is_the_smallest_of_each_permutation) {
  for (int64_t hashes : {1, 3, 8, 31, 64, 65, 128, 200}) {
    std::vector<uint32_t> multipliers(static_cast<size_t>(hashes)), addends(multipliers.size());
    parl::permutations(7, multipliers, addends);
    std::vector<uint32_t> keys(101);
    for (size_t i = 0; i < keys.size(); ++i) keys[i] = static_cast<uint32_t>(i * 2654435761u);
    const std::vector<int32_t> offsets = {0, 50, 50, 101};
    std::vector<uint32_t> signatures(3 * multipliers.size(), 5);
    parl::minHash(keys, offsets, multipliers, addends, signatures);
    for (size_t s = 0; s < 3; ++s) {
      for (size_t k = 0; k < multipliers.size(); ++k) {
        uint32_t least = ~0u;
        for (int32_t i = offsets[s]; i < offsets[s + 1]; ++i) least = std::min(least, keys[static_cast<size_t>(i)] * multipliers[k] + addends[k]);
        CHECK(signatures[s * multipliers.size() + k] == least);
        CHECK(multipliers[k] % 2 == 1);
      }
    }
  }
}

TEST(min_hash_of_texts_is_of_word_grams) {
  std::vector<uint32_t> multipliers(16), addends(16);
  parl::permutations(1, multipliers, addends);
  const std::vector<std::u16string_view> texts = {u"a b c d", u"  a\tb  c\n", u"b c d a", u"", u" \n", u"a b", u"b a"};
  std::vector<uint32_t> out(texts.size() * 16);
  CHECK(parl::minHashTexts(texts, 3, multipliers, addends, out));
  const auto same = [&](size_t s, size_t t) { return std::equal(&out[16 * s], &out[16 * s] + 16, &out[16 * t]); };
  CHECK(same(3, 4));   // both without a word
  CHECK(out[16 * 3] == ~0u);
  CHECK(!same(5, 6));  // the order of words counts, also where they are fewer than n
  CHECK(!same(0, 1) && !same(0, 2));
  // "a b c d" has the gram of "a b c" and another: its minima are at most those.
  for (size_t k = 0; k < 16; ++k) CHECK(out[k] <= out[16 + k]);
  parl::setThreadCount(3);
  std::vector<uint32_t> again(out.size());
  CHECK(parl::minHashTexts(texts, 3, multipliers, addends, again));
  CHECK(again == out);
  parl::setThreadCount(2);
}

TEST(gram_keys_one_a_position) {
  const std::vector<int32_t> tokens = {1, 2, 3, 1, 2, 9}, offsets = {0, 5, 6};
  std::vector<int32_t> keyOffsets(3);
  parl::gramKeyOffsets({tokens, offsets}, 2, keyOffsets);
  CHECK((keyOffsets == std::vector<int32_t>{0, 4, 4}));
  std::vector<uint32_t> keys(4);
  parl::gramKeys({tokens, offsets}, 2, true, keyOffsets, keys);
  CHECK(keys[0] == keys[3] && keys[0] != keys[1] && keys[1] != keys[2]);
}

TEST(min_hash_of_texts_sees_words_whatever_their_length_and_what_stands_between) {
  std::vector<uint32_t> multipliers(16), addends(16);
  parl::permutations(3, multipliers, addends);
  const auto signature = [&](const std::string& text) {
    std::vector<uint32_t> out(16);
    // Bytes are those of Latin letters.
    std::u16string wide;
    for (const char c : text) wide += static_cast<char16_t>(static_cast<unsigned char>(c));
    CHECK(parl::minHashTexts(std::vector<std::u16string_view>{wide}, 2, multipliers, addends, out));
    return out;
  };
  for (size_t length = 1; length <= 26; ++length) {
    const std::string word(length, 'x'), longer = word + "x", odd = word + std::string(1, '\0'), high = word + "\xA0";
    const auto expected = signature(word + " b");
    for (const char* space : {"\t", "\n", "\r", "  ", " \r\n\t      "}) CHECK(signature(space + word + space + "b" + space) == expected);
    CHECK(signature("b " + word) == signature(" b\n" + word + "        "));
    for (const std::string& other : {longer, odd, high, "y" + word.substr(1)}) CHECK(signature(other + " b") != expected);
    CHECK(signature(word + "b") != expected);
  }
  CHECK(signature("") == signature(" \n"));
}
