// Overlap of the n-grams of token sequences: containment, Jaccard similarity, ROUGE-N, repetition.
//
// All exact: grams with equal hashes are compared token by token. Expected work O(length * n) a pair, threads over pairs.
// Each function returns false when out of memory.
#pragma once

#include <cstdint>
#include <span>

#include "core/redundancy.h"

namespace parl {

// How an n-gram that occurs more than once counts.
enum class GramCounting {
  positions = 0,  // share of the candidate's gram positions whose gram occurs anywhere in the reference
  distinct = 1,   // share of the candidate's distinct grams that occur in the reference
  multiset = 2,   // sum over grams of min(count in candidate, count in reference), over the candidate's gram positions
};

// Share of a candidate's n-grams that occur in its reference; 0 where the candidate is shorter than n.
//   n    >= 1
//   out  [S] in [0, 1] (overwritten)
// `hashMask` thins the hash and is there for the test of exactness.
bool ngramContainment(const TokenBatch& candidates, const TokenBatch& references, int64_t n, GramCounting counting,
                      std::span<double> out, uint64_t hashMask = ~uint64_t{0});

// Jaccard similarity: shared grams over all grams, distinct (sets), or with counts (sum of minima over sum of maxima);
// 0 where neither sequence has a gram. counting: distinct or multiset.
bool ngramJaccard(const TokenBatch& a, const TokenBatch& b, int64_t n, GramCounting counting, std::span<double> out);

// ROUGE-N with beta 1: m = sum over grams of the smaller count; precision = m / grams of the candidate, recall = m / grams of
// the reference, f their harmonic mean; all 0 where a side has no gram.
bool rougeN(const TokenBatch& candidates, const TokenBatch& references, int64_t n, std::span<double> precision,
            std::span<double> recall, std::span<double> f);

// 1 - distinct grams / gram positions of each sequence; 0 where there is no gram.
bool ngramRepetition(const TokenBatch& sequences, int64_t n, std::span<double> out);

}  // namespace parl
