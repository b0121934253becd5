#include "core/min_hash.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cstring>
#include <new>
#include <vector>

#include "core/philox.h"
#include "core/thread_pool.h"

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

// The highest bit of each byte of `bytes` that is `c`.
constexpr uint64_t bytesEqual(uint64_t bytes, char c) {
  constexpr uint64_t kOnes = 0x0101010101010101u, kLow = 0x7F * kOnes;
  const uint64_t x = bytes ^ (static_cast<unsigned char>(c) * kOnes);
  return ~(((x & kLow) + kLow) | x | kLow);
}

// Hash of the word that begins at p; p moves to the space behind it, or to the end. Eight bytes at a time: a branch a byte would be
// guessed wrong at the end of every word.
uint32_t wordHash(const char*& p, const char* end) {
  constexpr uint64_t kOdd = 0x9E3779B97F4A7C15u;
  uint64_t hash = 0;
  const char* begin = p;
  for (;;) {
    uint64_t bytes = 0, spaces = 0;
    const auto left = static_cast<size_t>(end - p);
    if (left >= sizeof bytes) {
      std::memcpy(&bytes, p, sizeof bytes);
    } else {
      std::memcpy(&bytes, p, left);
      spaces = uint64_t{0x80} << (8 * left);
    }
    if constexpr (std::endian::native == std::endian::big) bytes = __builtin_bswap64(bytes);
    spaces |= bytesEqual(bytes, ' ') | bytesEqual(bytes, '\t') | bytesEqual(bytes, '\n') | bytesEqual(bytes, '\r');
    const auto length = spaces == 0 ? sizeof bytes : static_cast<size_t>(std::countr_zero(spaces)) / 8;
    if (length < sizeof bytes) bytes &= (uint64_t{1} << (8 * length)) - 1;
    hash = (hash ^ bytes) * kOdd;
    hash ^= hash >> 32;
    p += length;
    if (length < sizeof bytes) break;
  }
  hash = (hash ^ static_cast<uint64_t>(p - begin)) * kOdd;
  return static_cast<uint32_t>(hash >> 32);
}

// Keys of the word n-grams of a text; first its words' hashes, then, in place, those of the grams that begin at each.
void textKeys(const std::string& text, std::span<const uint32_t> constants, std::vector<uint32_t>& keys) {
  keys.clear();
  for (const char *p = text.data(), *end = p + text.size(); p < end;) {
    const char* begin = p;
    const uint32_t hash = wordHash(p, end);
    if (p == begin) {
      ++p;  // a space
    } else {
      keys.push_back(finalised(hash));
      if (p < end) ++p;
    }
  }
  if (keys.empty()) return;
  const size_t size = std::min(constants.size(), keys.size());
  const size_t grams = keys.size() - size + 1;
  if (size == 3) {
    const uint32_t first = constants[0], second = constants[1], third = constants[2];
    for (size_t i = 0; i < grams; ++i) keys[i] = finalised(keys[i] * first ^ keys[i + 1] * second ^ keys[i + 2] * third);
  } else {
    for (size_t i = 0; i < grams; ++i) {
      uint32_t key = 0;
      for (size_t k = 0; k < size; ++k) key ^= keys[i + k] * constants[k];
      keys[i] = finalised(key);
    }
  }
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

bool minHashTexts(std::span<const std::string> texts, int64_t n, std::span<const uint32_t> multipliers,
                  std::span<const uint32_t> addends, std::span<uint32_t> signatures) {
  std::atomic<bool> ok{true};
  const std::vector<uint32_t> constants = placeConstants(n);
  parallelFor(static_cast<int64_t>(texts.size()), 1, [&](int64_t first, int64_t last) {
    try {
      std::vector<uint32_t> keys;
      for (auto i = static_cast<size_t>(first); i < static_cast<size_t>(last); ++i) {
        textKeys(texts[i], constants, keys);
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
