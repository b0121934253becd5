// How much of one token sequence restates another: longest common subsequence and ROUGE-L (n-grams: ngrams.h).
#pragma once

#include <cstdint>
#include <span>

namespace parl {

// A batch of token sequences, flat: sequence s is tokens[offsets[s]] .. tokens[offsets[s + 1] - 1].
struct TokenBatch {
  std::span<const int32_t> tokens;
  std::span<const int32_t> offsets;  // [S + 1], ascending from 0 to tokens.size()

  size_t size() const { return offsets.size() - 1; }
  std::span<const int32_t> operator[](size_t s) const {
    return tokens.subspan(static_cast<size_t>(offsets[s]), static_cast<size_t>(offsets[s + 1] - offsets[s]));
  }
};

// Length of the longest common subsequence of two sequences of any length and any tokens.
// Bit-parallel (Hyyrö 2004): expected work O(m + n ceil(m / 64)) with m the shorter length, memory O(m).
int32_t lcsLength(std::span<const int32_t> a, std::span<const int32_t> b);

// The same for every pair (a[s], b[s]); out [S] (overwritten). Threads over pairs. False when out of memory.
bool lcsLengths(const TokenBatch& a, const TokenBatch& b, std::span<int32_t> out);

// ROUGE-L with beta 1, from the LCS: precision = lcs / |candidate|, recall = lcs / |reference|, f their harmonic mean;
// all 0 where a side is empty. Outputs [S] (overwritten). False when out of memory.
bool rougeL(const TokenBatch& candidates, const TokenBatch& references, std::span<double> precision,
            std::span<double> recall, std::span<double> f);

}  // namespace parl
