#include "core/counter_rng.h"

#include <algorithm>
#include <array>
#include <bit>
#include <type_traits>

namespace parl {
namespace {

template <typename Word>
struct Wide;
template <>
struct Wide<uint32_t> {
  using type = uint64_t;
};
template <>
struct Wide<uint64_t> {
  using type = unsigned __int128;
};

// High and low word of the product.
template <typename Word>
std::array<Word, 2> product(Word a, Word b) {
  const auto wide = static_cast<typename Wide<Word>::type>(a) * b;
  return {static_cast<Word>(wide >> (8 * sizeof(Word))), static_cast<Word>(wide)};
}

template <typename Word>
constexpr bool kIs32 = std::is_same_v<Word, uint32_t>;

template <typename Word>
constexpr Word kWeyl0 = kIs32<Word> ? static_cast<Word>(0x9E3779B9u) : static_cast<Word>(0x9E3779B97F4A7C15ull);
template <typename Word>
constexpr Word kWeyl1 = kIs32<Word> ? static_cast<Word>(0xBB67AE85u) : static_cast<Word>(0xBB67AE8584CAA73Bull);

template <typename Word>
void philox2(Word* c, Word key, int rounds) {
  constexpr Word kMultiplier = kIs32<Word> ? static_cast<Word>(0xD256D193u) : static_cast<Word>(0xD2B74407B1CE6E93ull);
  for (int r = 0; r < rounds; ++r) {
    const auto [high, low] = product(kMultiplier, c[0]);
    c[0] = high ^ key ^ c[1];
    c[1] = low;
    key += kWeyl0<Word>;
  }
}

template <typename Word>
void philox4(Word* c, Word key0, Word key1, int rounds) {
  constexpr Word kMultiplier0 = kIs32<Word> ? static_cast<Word>(0xD2511F53u) : static_cast<Word>(0xD2E7470EE14C6C93ull);
  constexpr Word kMultiplier1 = kIs32<Word> ? static_cast<Word>(0xCD9E8D57u) : static_cast<Word>(0xCA5A826395121157ull);
  for (int r = 0; r < rounds; ++r) {
    const auto [high0, low0] = product(kMultiplier0, c[0]);
    const auto [high1, low1] = product(kMultiplier1, c[2]);
    c[0] = high1 ^ c[1] ^ key0;
    c[1] = low1;
    c[2] = high0 ^ c[3] ^ key1;
    c[3] = low0;
    key0 += kWeyl0<Word>;
    key1 += kWeyl1<Word>;
  }
}

// Threefry adds the key every fourth round; its parity word makes the schedule one word longer than the key.
template <typename Word, int kWords>
void threefry(Word* c, const Word* key, int rounds) {
  constexpr int kRotations2x32[8] = {13, 15, 26, 6, 17, 29, 16, 24};
  constexpr int kRotations2x64[8] = {16, 42, 12, 31, 16, 32, 24, 21};
  constexpr int kRotations4x32[8][2] = {{10, 26}, {11, 21}, {13, 27}, {23, 5}, {6, 20}, {17, 11}, {25, 10}, {18, 20}};
  constexpr int kRotations4x64[8][2] = {{14, 16}, {52, 57}, {23, 40}, {5, 37}, {25, 33}, {46, 12}, {58, 22}, {32, 32}};
  Word schedule[kWords + 1];
  schedule[kWords] = kIs32<Word> ? static_cast<Word>(0x1BD11BDAu) : static_cast<Word>(0x1BD11BDAA9FC1A22ull);
  for (int i = 0; i < kWords; ++i) {
    schedule[i] = key[i];
    schedule[kWords] ^= key[i];
  }
  for (int i = 0; i < kWords; ++i) c[i] += schedule[i];
  for (int r = 0; r < rounds; ++r) {
    if constexpr (kWords == 2) {
      c[0] += c[1];
      c[1] = std::rotl(c[1], kIs32<Word> ? kRotations2x32[r % 8] : kRotations2x64[r % 8]) ^ c[0];
    } else {
      const int first = r % 2 == 0 ? 1 : 3, second = r % 2 == 0 ? 3 : 1;
      const int* by = kIs32<Word> ? kRotations4x32[r % 8] : kRotations4x64[r % 8];
      c[0] += c[first];
      c[first] = std::rotl(c[first], by[0]) ^ c[0];
      c[2] += c[second];
      c[second] = std::rotl(c[second], by[1]) ^ c[2];
    }
    if (r % 4 == 3) {
      const int injection = r / 4 + 1;
      for (int i = 0; i < kWords; ++i) c[i] += schedule[(injection + i) % (kWords + 1)];
      c[kWords - 1] += static_cast<Word>(injection);
    }
  }
}

template <typename Word>
void blockOf(CounterGenerator generator, int rounds, const uint64_t* counter, const uint64_t* key, int words, int keyWords,
             uint64_t* block) {
  Word c[4] = {}, k[4] = {};
  for (int i = 0; i < words; ++i) c[i] = static_cast<Word>(counter[i]);
  for (int i = 0; i < keyWords; ++i) k[i] = static_cast<Word>(key[i]);
  switch (generator) {
    case CounterGenerator::philox2x32:
    case CounterGenerator::philox2x64: philox2<Word>(c, k[0], rounds); break;
    case CounterGenerator::philox4x32:
    case CounterGenerator::philox4x64: philox4<Word>(c, k[0], k[1], rounds); break;
    case CounterGenerator::threefry2x32:
    case CounterGenerator::threefry2x64: threefry<Word, 2>(c, k, rounds); break;
    case CounterGenerator::threefry4x32:
    case CounterGenerator::threefry4x64: threefry<Word, 4>(c, k, rounds); break;
  }
  for (int i = 0; i < words; ++i) block[i] = static_cast<uint64_t>(c[i]);
}

}  // namespace

CounterShape counterShape(CounterGenerator generator) {
  const int code = static_cast<int>(generator), words = code % 2 == 0 ? 2 : 4, bits = code % 4 < 2 ? 32 : 64;
  return code < 4 ? CounterShape{words, words / 2, bits, 10} : CounterShape{words, words, bits, 20};
}

void counterBlock(CounterGenerator generator, int rounds, std::span<const uint64_t> counter, std::span<const uint64_t> key,
                  std::span<uint64_t> block) {
  const CounterShape shape = counterShape(generator);
  if (shape.bits == 32) {
    blockOf<uint32_t>(generator, rounds, counter.data(), key.data(), shape.words, shape.keyWords, block.data());
  } else {
    blockOf<uint64_t>(generator, rounds, counter.data(), key.data(), shape.words, shape.keyWords, block.data());
  }
}

void counterStream(CounterGenerator generator, int rounds, std::span<const uint64_t> counter, std::span<const uint64_t> key,
                   std::span<uint32_t> out) {
  const CounterShape shape = counterShape(generator);
  const uint64_t limit = shape.bits == 32 ? uint64_t{1} << 32 : 0;
  std::array<uint64_t, 4> at{}, block{};
  std::copy_n(counter.begin(), shape.words, at.begin());
  for (size_t i = 0; i < out.size();) {
    counterBlock(generator, rounds, std::span(at).first(static_cast<size_t>(shape.words)), key,
                 std::span(block).first(static_cast<size_t>(shape.words)));
    for (int w = 0; w < shape.words && i < out.size(); ++w) {
      out[i++] = static_cast<uint32_t>(block[static_cast<size_t>(w)]);
      if (shape.bits == 64 && i < out.size()) out[i++] = static_cast<uint32_t>(block[static_cast<size_t>(w)] >> 32);
    }
    for (int w = 0; w < shape.words; ++w) {
      uint64_t& word = at[static_cast<size_t>(w)];
      ++word;
      if (word != limit) break;  // 0 after an overflow of 64 bits
      word = 0;
    }
  }
}

}  // namespace parl
