// MinHash (Broder 1997): signatures whose share of equal entries estimates the Jaccard similarity of two sets.
//
// Entry k of a signature is the smallest of (key * multiplier[k] + addend[k]) mod 2^32 over the set's keys, multipliers odd.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "core/isa.h"
#include "core/redundancy.h"

namespace parl {

// Keys of the n-grams of each sequence, one a position: the exclusive or of token[i] * c[i], c odd constants, mod 2^32; with
// `mixed` finalised by MurmurHash3, so that a linear permutation of them behaves as a random one.
//   keyOffsets [S + 1]  gramKeyCount positions a sequence, from gramKeyOffsets (read)
//   keys                (overwritten)
void gramKeys(const TokenBatch& sequences, int64_t n, bool mixed, std::span<const int32_t> keyOffsets, std::span<uint32_t> keys);
void gramKeyOffsets(const TokenBatch& sequences, int64_t n, std::span<int32_t> keyOffsets);

// Multipliers and addends of `count` permutations: Philox4x32-10 words of the seed, multipliers made odd.
void permutations(uint64_t seed, std::span<uint32_t> multipliers, std::span<uint32_t> addends);

//   keys, offsets [S + 1]: set s is keys[offsets[s]] .. keys[offsets[s + 1] - 1], duplicates allowed (read)
//   signatures [S, H]      all ones for an empty set (overwritten)
// Work O(keys * H), threads over sets.
void minHash(std::span<const uint32_t> keys, std::span<const int32_t> offsets, std::span<const uint32_t> multipliers,
             std::span<const uint32_t> addends, std::span<uint32_t> signatures);

// Signatures of the word n-grams of texts (UTF-16, hashed as UTF-8): words are runs of bytes other than space, tab, line feed and carriage return.
// A text of fewer than n words has the one gram of all of them. False when out of memory. Threads over texts.
//   signatures [texts, H] (overwritten)
bool minHashTexts(std::span<const std::u16string_view> texts, int64_t n, std::span<const uint32_t> multipliers,
                  std::span<const uint32_t> addends, std::span<uint32_t> signatures);

// keys[i] = MurmurHash3's finaliser of keys[i]
PARL_KERNEL(void, mixWords, (uint32_t* keys, int64_t count))
// keys[i] = the finaliser of keys[i] * constants[0] ^ ... ^ keys[i + n - 1] * constants[n - 1], i < grams, in place
PARL_KERNEL(void, mixGrams, (uint32_t* keys, int64_t grams, const uint32_t* constants, int64_t n))
PARL_KERNEL(void, minHashSet,
            (const uint32_t* keys, int64_t count, const uint32_t* multipliers, const uint32_t* addends, int64_t hashes,
             uint32_t* signature))

}  // namespace parl
