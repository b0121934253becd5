#include "core/min_hash.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cstring>
#include <new>
#include <vector>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "core/philox.h"
#include "core/thread_pool.h"
#include "core/utf8.h"

namespace parl {
namespace {

// Odd constants of the first places of a gram; later places continue by the golden ratio.
constexpr uint32_t kPlaces[] = {0x9E3779B1u, 0x85EBCA77u, 0xC2B2AE3Du, 0x27D4EB2Fu, 0x165667B1u};
constexpr size_t kNamedPlaces = sizeof kPlaces / sizeof *kPlaces;

uint32_t placeConstant(size_t place) {
  if (place < kNamedPlaces) return kPlaces[place];
  return (kPlaces[place % kNamedPlaces] + static_cast<uint32_t>(place) * 0x9E3779B9u) | 1u;
}

std::vector<uint32_t> placeConstants(int64_t n) {
  std::vector<uint32_t> constants(static_cast<size_t>(n));
  for (size_t i = 0; i < constants.size(); ++i) constants[i] = placeConstant(i);
  return constants;
}

uint32_t finalised(uint32_t x) {  // MurmurHash3's
  x = (x ^ (x >> 16)) * 0x85EBCA6Bu;
  x = (x ^ (x >> 13)) * 0xC2B2AE35u;
  return x ^ (x >> 16);
}

int64_t gramCount(int64_t tokens, int64_t n) { return std::max<int64_t>(0, tokens - n + 1); }

constexpr size_t kBlock = 64;  // bytes that are looked through for spaces at once

// Bit i: whether byte i is a space, tab, line feed or carriage return.
uint64_t spacesOf(const char* bytes) {
  uint64_t spaces = 0;
#ifdef __SSE2__
  for (int part = 0; part < 4; ++part) {
    const __m128i x = _mm_loadu_si128(reinterpret_cast<const __m128i*>(bytes + 16 * part));
    const auto is = [&](char c) { return _mm_cmpeq_epi8(x, _mm_set1_epi8(c)); };
    const __m128i any = _mm_or_si128(_mm_or_si128(is(' '), is('\t')), _mm_or_si128(is('\n'), is('\r')));
    spaces |= static_cast<uint64_t>(static_cast<uint32_t>(_mm_movemask_epi8(any))) << (16 * part);
  }
#else
  for (size_t i = 0; i < kBlock; ++i) {
    const char c = bytes[i];
    spaces |= static_cast<uint64_t>(c == ' ' || c == '\t' || c == '\n' || c == '\r') << i;
  }
#endif
  return spaces;
}

// Hash of the bytes begin .. end, eight at a time; eight bytes behind the end can be read.
uint32_t wordHash(const char* begin, const char* end) {
  constexpr uint64_t kOdd = 0x9E3779B97F4A7C15u;
  uint64_t hash = 0;
  for (const char* p = begin;; p += sizeof(uint64_t)) {
    uint64_t bytes;
    std::memcpy(&bytes, p, sizeof bytes);
    if constexpr (std::endian::native == std::endian::big) bytes = __builtin_bswap64(bytes);
    const auto left = static_cast<size_t>(end - p);
    if (left < sizeof bytes) bytes &= (uint64_t{1} << (8 * left)) - 1;
    hash = (hash ^ bytes) * kOdd;
    hash ^= hash >> 32;
    if (left < sizeof bytes) break;
  }
  hash = (hash ^ static_cast<uint64_t>(end - begin)) * kOdd;
  return static_cast<uint32_t>(hash >> 32);
}

// A text in UTF-8 with spaces behind it, in memory that is used for the next one too.
class PaddedText {
 public:
  void set(std::u16string_view text) {
    const size_t room = utf8Room(text.size()) + 2 * kBlock;
    if (bytes_.size() < room) bytes_.resize(room);
    size_ = toUtf8(text, bytes_.data());
    std::memset(bytes_.data() + size_, ' ', 2 * kBlock);
  }
  const char* data() const { return bytes_.data(); }
  size_t size() const { return size_; }

 private:
  std::vector<char> bytes_;
  size_t size_ = 0;
};

// Keys of the word n-grams of a text; first its words' hashes, then, in place, those of the grams that begin at each.
void textKeys(const PaddedText& text, std::span<const uint32_t> constants, std::vector<uint32_t>& keys) {
  keys.clear();
  const char* word = text.data();
  // One block more than the text has bytes for, where it fills the last one: that ends its last word.
  for (size_t block = 0; block <= text.size(); block += kBlock) {
    const char* from = text.data() + block;
    for (uint64_t spaces = spacesOf(from); spaces != 0; spaces &= spaces - 1) {
      const char* end = from + std::countr_zero(spaces);
      if (end > word) keys.push_back(wordHash(word, end));
      word = end + 1;
    }
  }
  if (keys.empty()) return;
  const size_t size = std::min(constants.size(), keys.size());
  const size_t grams = keys.size() - size + 1;
  PARL_DISPATCH(mixWords)(keys.data(), static_cast<int64_t>(keys.size()));
  PARL_DISPATCH(mixGrams)(keys.data(), static_cast<int64_t>(grams), constants.data(), static_cast<int64_t>(size));
  keys.resize(grams);
}

}  // namespace

void gramKeyOffsets(const TokenBatch& sequences, int64_t n, std::span<int32_t> keyOffsets) {
  keyOffsets[0] = 0;
  for (size_t s = 0; s < sequences.size(); ++s) {
    keyOffsets[s + 1] = keyOffsets[s] + static_cast<int32_t>(gramCount(static_cast<int64_t>(sequences[s].size()), n));
  }
}

void gramKeys(const TokenBatch& sequences, int64_t n, bool mixed, std::span<const int32_t> keyOffsets, std::span<uint32_t> keys) {
  const std::vector<uint32_t> constants = placeConstants(n);
  parallelFor(static_cast<int64_t>(sequences.size()), 4, [&](int64_t first, int64_t last) {
    for (auto s = static_cast<size_t>(first); s < static_cast<size_t>(last); ++s) {
      const std::span<const int32_t> tokens = sequences[s];
      uint32_t* out = keys.data() + keyOffsets[s];
      const auto count = static_cast<size_t>(keyOffsets[s + 1] - keyOffsets[s]);
      for (size_t i = 0; i < count; ++i) {
        uint32_t key = 0;
        for (size_t k = 0; k < constants.size(); ++k) key ^= static_cast<uint32_t>(tokens[i + k]) * constants[k];
        out[i] = mixed ? finalised(key) : key;
      }
    }
  });
}

void permutations(uint64_t seed, std::span<uint32_t> multipliers, std::span<uint32_t> addends) {
  const std::array<uint32_t, 2> key{static_cast<uint32_t>(seed), static_cast<uint32_t>(seed >> 32)};
  for (size_t k = 0; k < multipliers.size(); ++k) {
    const PhiloxBlock block = philox4x32({static_cast<uint32_t>(k), 0, 0, 0x4D696E48u}, key);
    multipliers[k] = block[0] | 1u;
    addends[k] = block[1];
  }
}

void minHash(std::span<const uint32_t> keys, std::span<const int32_t> offsets, std::span<const uint32_t> multipliers,
             std::span<const uint32_t> addends, std::span<uint32_t> signatures) {
  const auto hashes = static_cast<int64_t>(multipliers.size());
  parallelFor(static_cast<int64_t>(offsets.size()) - 1, 1, [&](int64_t first, int64_t last) {
    for (auto s = static_cast<size_t>(first); s < static_cast<size_t>(last); ++s) {
      PARL_DISPATCH(minHashSet)
      (keys.data() + offsets[s], offsets[s + 1] - offsets[s], multipliers.data(), addends.data(), hashes,
       signatures.data() + s * multipliers.size());
    }
  });
}

bool minHashTexts(std::span<const std::u16string_view> texts, int64_t n, std::span<const uint32_t> multipliers,
                  std::span<const uint32_t> addends, std::span<uint32_t> signatures) {
  std::atomic<bool> ok{true};
  const std::vector<uint32_t> constants = placeConstants(n);
  parallelFor(static_cast<int64_t>(texts.size()), 1, [&](int64_t first, int64_t last) {
    try {
      std::vector<uint32_t> keys;
      PaddedText text;
      for (auto i = static_cast<size_t>(first); i < static_cast<size_t>(last); ++i) {
        text.set(texts[i]);
        textKeys(text, constants, keys);
        PARL_DISPATCH(minHashSet)
        (keys.data(), static_cast<int64_t>(keys.size()), multipliers.data(), addends.data(),
         static_cast<int64_t>(multipliers.size()), signatures.data() + i * multipliers.size());
      }
    } catch (const std::bad_alloc&) {
      ok.store(false, std::memory_order_relaxed);
    }
  });
  return ok.load();
}

}  // namespace parl
