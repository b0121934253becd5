// Rows of tokens, and work on them that threads share.
#pragma once

#include <cstdint>
#include <span>

#include "core/isa.h"
#include "core/thread_pool.h"

namespace parl {

// Rows of a flat array: row r holds tokens offsets[r] .. offsets[r + 1] - 1; mask is non-zero where the policy sampled.
struct TokenRows {
  std::span<const uint8_t> mask;
  std::span<const int32_t> offsets;

  size_t rows() const { return offsets.size() - 1; }
  int64_t begin(size_t row) const { return offsets[row]; }
  int64_t length(size_t row) const { return offsets[row + 1] - offsets[row]; }
};

// Rows that one thread should take at a time, so that a range holds some 16384 tokens.
int64_t rowGrain(const TokenRows& rows);

// Calls f(row, first token) for every row, on the pool.
template <typename F>
void forEachRow(const TokenRows& rows, F&& f) {
  parallelFor(static_cast<int64_t>(rows.rows()), rowGrain(rows), [&](int64_t first, int64_t last) {
    for (int64_t row = first; row < last; ++row) f(static_cast<size_t>(row), rows.begin(static_cast<size_t>(row)));
  });
}

// counts[r] = sampled tokens of row r.
void sampledCounts(const TokenRows& rows, std::span<int32_t> counts);

PARL_KERNEL(int32_t, sampledCountRow, (const uint8_t* mask, int64_t n))

}  // namespace parl
