// The head by tiles of rows and blocks of the vocabulary. The logits of a tile, kTileRows x kColumns at most, are one parallel
// matmul; then one pass over them in place adds them to each row's sums (logprobBlock, which is what a whole row is made of too, so
// that blocks do not show in the result). The backward pass recomputes the tile, turns it into its gradient in place, and
// multiplies it into dHidden and dWeight. Since an accumulating matmul continues its chains, dHidden is one chain over the ascending
// vocabulary and dWeight one over ascending rows, whatever the tile's size.
//
// A tile is at most 8 MB: it stays in the last cache between the product and the pass, and has enough rows that packing the
// weight, which happens once a tile, costs little beside the product. The [n, v] matrix, 311 MB for 512 tokens of a vocabulary of
// 151,936, never exists.
#include "core/linear_logprob.h"

#include <algorithm>
#include <vector>

#include "core/logprob.h"
#include "core/matmul.h"
#include "core/scratch.h"
#include "core/thread_pool.h"

namespace parl {
namespace {

constexpr int64_t kTileRows = 512;
constexpr int64_t kColumns = kLogprobBlock;
constexpr int64_t kGrainRows = 8;

int64_t tileFloats(const LinearLogprobShape& s) { return std::min(s.n, kTileRows) * std::min(s.v, kColumns); }

}  // namespace

int64_t linearLogprobScratchBytes(const LinearLogprobShape& s, int threads) {
  return static_cast<int64_t>(sizeof(float)) * (tileFloats(s) + threads * kMatmulScratchFloats) +
         static_cast<int64_t>(sizeof(LogprobSums)) * std::min(s.n, kTileRows);
}

void linearLogprobForward(const float* hidden, const float* weight, const int32_t* targets, const LinearLogprobShape& s,
                          float* logprobs, float* entropies, float* lse) {
  const float inverse = 1.0f / s.temperature;
  const bool wantEntropy = entropies != nullptr;
  Scratch scratch(tileFloats(s));
  float* logits = scratch.data();
  std::vector<LogprobSums> sums(static_cast<size_t>(std::min(s.n, kTileRows)));
  for (int64_t row = 0; row < s.n; row += kTileRows) {
    const int64_t rows = std::min(kTileRows, s.n - row);
    std::fill(sums.begin(), sums.end(), LogprobSums{});
    for (int64_t column = 0; column < s.v; column += kColumns) {
      const int64_t columns = std::min(kColumns, s.v - column);
      matmul(hidden + row * s.d, weight + column * s.d, logits, {rows, columns, s.d, false, true, false});
      parallelFor(rows, kGrainRows, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) {
          const float* own = logits + i * columns;
          LogprobSums& sum = sums[static_cast<size_t>(i)];
          PARL_DISPATCH(logprobBlock)(own, columns, inverse, wantEntropy, sum);
          const int64_t target = targets[row + i] - column;
          if (target >= 0 && target < columns) logprobs[row + i] = own[target];
          if (column + columns < s.v) continue;
          const LogprobRow done = PARL_DISPATCH(finishedRow)(sum, wantEntropy);
          logprobs[row + i] = tokenLogprob(done, logprobs[row + i], inverse);
          lse[row + i] = static_cast<float>(done.logSumExp);
          if (wantEntropy) entropies[row + i] = done.entropy;
        }
      });
    }
  }
}

void linearLogprobBackward(const float* dLogprobs, const float* dEntropies, const float* hidden, const float* weight,
                           const int32_t* targets, const float* lse, const float* entropies, const LinearLogprobShape& s,
                           float* dHidden, float* dWeight) {
  const float inverse = 1.0f / s.temperature;
  Scratch scratch(tileFloats(s));
  float* logits = scratch.data();
  for (int64_t row = 0; row < s.n; row += kTileRows) {
    const int64_t rows = std::min(kTileRows, s.n - row);
    const float* h = hidden + row * s.d;
    for (int64_t column = 0; column < s.v; column += kColumns) {
      const int64_t columns = std::min(kColumns, s.v - column);
      const float* w = weight + column * s.d;
      matmul(h, w, logits, {rows, columns, s.d, false, true, false});
      parallelFor(rows, kGrainRows, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) {
          const int64_t at = row + i;
          PARL_DISPATCH(logprobBackwardRow)
          (dLogprobs[at], dEntropies == nullptr ? 0.0f : dEntropies[at], logits + i * columns, targets[at] - column, lse[at],
           dEntropies == nullptr ? 0.0f : entropies[at], columns, inverse, logits + i * columns);
        }
      });
      if (dHidden != nullptr) matmul(logits, w, dHidden + row * s.d, {rows, s.d, columns, false, false, column > 0});
      if (dWeight != nullptr) matmul(logits, h, dWeight + column * s.d, {columns, s.d, rows, true, false, true});
    }
  }
}

}  // namespace parl
