// The head by tiles of rows and blocks of the vocabulary. The logits of a tile, kTileRows x kColumns at most, are one parallel
// matmul; then one pass over them in place adds them to each row's sums (logprobBlock, which is what a whole row is made of too, so
// that blocks do not show in the result). The backward pass recomputes the tile, turns it into its gradient in place, and
// multiplies it into dHidden and dWeight. Since an accumulating matmul continues its chains, dHidden is one chain over the ascending
// vocabulary and dWeight one over ascending rows, whatever the tile's size.
//
// Where the gradient of the log-probs is known before they are (a supervised loss weighs them by constants), one pass does both: it
// keeps the logits of all blocks of a tile, takes the sums, and turns them into gradients at once. That saves one of four products, and
// is worth it while a tile of 32 MB has rows enough to pay for packing the weight, up to a vocabulary of 65,536.
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

constexpr int64_t kWholeTileFloats = 8 << 20;
constexpr int64_t kFewestWholeRows = 128;

// Rows of a tile that keeps the logits of the whole vocabulary.
int64_t wholeTileRows(int64_t v) { return std::min(kTileRows, kWholeTileFloats / std::max<int64_t>(v, 1)); }

// Adds a block of a tile's logits to the sums of its rows, and finishes the rows with the last block.
void addBlock(const float* logits, int64_t rows, int64_t column, int64_t columns, const int32_t* targets, const LinearLogprobShape& s,
              std::vector<LogprobSums>& sums, float* logprobs, float* entropies, float* lse) {
  const float inverse = 1.0f / s.temperature;
  const bool wantEntropy = entropies != nullptr;
  parallelFor(rows, kGrainRows, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const float* own = logits + i * columns;
      LogprobSums& sum = sums[static_cast<size_t>(i)];
      PARL_DISPATCH(logprobBlock)(own, columns, inverse, wantEntropy, sum);
      const int64_t target = targets[i] - column;
      if (target >= 0 && target < columns) logprobs[i] = own[target];
      if (column + columns < s.v) continue;
      const LogprobRow done = PARL_DISPATCH(finishedRow)(sum, wantEntropy);
      logprobs[i] = tokenLogprob(done, logprobs[i], inverse);
      lse[i] = static_cast<float>(done.logSumExp);
      if (wantEntropy) entropies[i] = done.entropy;
    }
  });
}

// Turns a block of a tile's logits into their gradient in place, and multiplies it into dHidden and dWeight.
void backwardBlock(float* logits, int64_t rows, int64_t column, int64_t columns, const float* dLogprobs, const float* dEntropies,
                   const float* hidden, WeightData weight, const int32_t* targets, const float* lse, const float* entropies,
                   const LinearLogprobShape& s, float* dHidden, float* dWeight) {
  const float inverse = 1.0f / s.temperature;
  parallelFor(rows, kGrainRows, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      PARL_DISPATCH(logprobBackwardRow)
      (dLogprobs[i], dEntropies == nullptr ? 0.0f : dEntropies[i], logits + i * columns, targets[i] - column, lse[i],
       dEntropies == nullptr ? 0.0f : entropies[i], columns, inverse, logits + i * columns);
    }
  });
  const WeightData w = weight + column * s.d;
  if (dHidden != nullptr) matmul(logits, w, dHidden, {rows, s.d, columns, false, false, column > 0});
  if (dWeight != nullptr) matmul(logits, hidden, dWeight + column * s.d, {columns, s.d, rows, true, false, true});
}

int64_t tileFloats(const LinearLogprobShape& s) { return std::min(s.n, kTileRows) * std::min(s.v, kColumns); }

}  // namespace

int64_t linearLogprobScratchBytes(const LinearLogprobShape& s, int threads) {
  return static_cast<int64_t>(sizeof(float)) * (tileFloats(s) + threads * kMatmulScratchFloats) +
         static_cast<int64_t>(sizeof(LogprobSums)) * std::min(s.n, kTileRows);
}

void linearLogprobForward(const float* hidden, WeightData weight, const int32_t* targets, const LinearLogprobShape& s,
                          float* logprobs, float* entropies, float* lse) {
  Scratch scratch(tileFloats(s));
  std::vector<LogprobSums> sums(static_cast<size_t>(std::min(s.n, kTileRows)));
  for (int64_t row = 0; row < s.n; row += kTileRows) {
    const int64_t rows = std::min(kTileRows, s.n - row);
    std::fill(sums.begin(), sums.end(), LogprobSums{});
    for (int64_t column = 0; column < s.v; column += kColumns) {
      const int64_t columns = std::min(kColumns, s.v - column);
      matmul(hidden + row * s.d, weight + column * s.d, scratch.data(), {rows, columns, s.d, false, true, false});
      addBlock(scratch.data(), rows, column, columns, targets + row, s, sums, logprobs + row,
               entropies == nullptr ? nullptr : entropies + row, lse + row);
    }
  }
}

void linearLogprobBackward(const float* dLogprobs, const float* dEntropies, const float* hidden, WeightData weight,
                           const int32_t* targets, const float* lse, const float* entropies, const LinearLogprobShape& s,
                           float* dHidden, float* dWeight) {
  Scratch scratch(tileFloats(s));
  for (int64_t row = 0; row < s.n; row += kTileRows) {
    const int64_t rows = std::min(kTileRows, s.n - row);
    const float* h = hidden + row * s.d;
    for (int64_t column = 0; column < s.v; column += kColumns) {
      const int64_t columns = std::min(kColumns, s.v - column);
      matmul(h, weight + column * s.d, scratch.data(), {rows, columns, s.d, false, true, false});
      backwardBlock(scratch.data(), rows, column, columns, dLogprobs + row, dEntropies == nullptr ? nullptr : dEntropies + row, h,
                    weight, targets + row, lse + row, entropies == nullptr ? nullptr : entropies + row, s,
                    dHidden == nullptr ? nullptr : dHidden + row * s.d, dWeight);
    }
  }
}

bool linearLogprobKeepsLogits(int64_t v) { return wholeTileRows(v) >= kFewestWholeRows; }

void linearLogprobWithGradient(const float* dLogprobs, const float* hidden, WeightData weight, const int32_t* targets,
                               const LinearLogprobShape& s, float* logprobs, float* entropies, float* lse, float* dHidden,
                               float* dWeight) {
  const int64_t tileRows = std::min(s.n, std::max<int64_t>(1, wholeTileRows(s.v)));
  Scratch scratch(tileRows * s.v);
  std::vector<LogprobSums> sums(static_cast<size_t>(tileRows));
  for (int64_t row = 0; row < s.n; row += tileRows) {
    const int64_t rows = std::min(tileRows, s.n - row);
    const float* h = hidden + row * s.d;
    std::fill(sums.begin(), sums.end(), LogprobSums{});
    // Block behind block, each [rows, columns].
    for (int64_t column = 0; column < s.v; column += kColumns) {
      const int64_t columns = std::min(kColumns, s.v - column);
      float* logits = scratch.data() + column * rows;
      matmul(h, weight + column * s.d, logits, {rows, columns, s.d, false, true, false});
      addBlock(logits, rows, column, columns, targets + row, s, sums, logprobs + row, entropies == nullptr ? nullptr : entropies + row,
               lse + row);
    }
    for (int64_t column = 0; column < s.v; column += kColumns) {
      backwardBlock(scratch.data() + column * rows, rows, column, std::min(kColumns, s.v - column), dLogprobs + row, nullptr, h, weight,
                    targets + row, lse + row, nullptr, s, dHidden + row * s.d, dWeight);
    }
  }
}

}  // namespace parl
