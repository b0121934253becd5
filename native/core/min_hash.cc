#include "core/min_hash.h"

#include <algorithm>
#include <array>
#include <atomic>
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

uint32_t finalised(uint32_t x) {  // MurmurHash3's
  x = (x ^ (x >> 16)) * 0x85EBCA6Bu;
  x = (x ^ (x >> 13)) * 0xC2B2AE35u;
  return x ^ (x >> 16);
}

int64_t gramCount(int64_t tokens, int64_t n) { return std::max<int64_t>(0, tokens - n + 1); }

bool isSpace(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

uint32_t wordHash(const char* begin, const char* end) {  // FNV-1a
  uint32_t hash = 0x811C9DC5u;
  for (const char* p = begin; p < end; ++p) hash = (hash ^ static_cast<unsigned char>(*p)) * 0x01000193u;
  return hash;
}

// Keys of the word n-grams of a text; first its words' hashes, then, in place, those of the grams that begin at each.
void textKeys(const std::string& text, int64_t n, std::vector<uint32_t>& keys) {
  keys.clear();
  for (const char *p = text.data(), *end = p + text.size(); p < end;) {
    while (p < end && isSpace(*p)) ++p;
    const char* begin = p;
    while (p < end && !isSpace(*p)) ++p;
    if (p > begin) keys.push_back(finalised(wordHash(begin, p)));
  }
  if (keys.empty()) return;
  const auto size = std::min(static_cast<size_t>(n), keys.size());
  const size_t grams = keys.size() - size + 1;
  for (size_t i = 0; i < grams; ++i) {
    uint32_t key = 0;
    for (size_t k = 0; k < size; ++k) key ^= keys[i + k] * placeConstant(k);
    keys[i] = finalised(key);
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
  std::vector<uint32_t> constants(static_cast<size_t>(n));
  for (size_t i = 0; i < constants.size(); ++i) constants[i] = placeConstant(i);
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
  parallelFor(static_cast<int64_t>(texts.size()), 1, [&](int64_t first, int64_t last) {
    try {
      std::vector<uint32_t> keys;
      for (auto i = static_cast<size_t>(first); i < static_cast<size_t>(last); ++i) {
        textKeys(texts[i], n, keys);
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
