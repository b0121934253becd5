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
// Where the hidden states are short, the pass over a tile would cost as much as a third of its product. Then each thread takes the logits of some
// rows at a time (RowsOfLogits), as few as stay in its second cache until the pass, over panels of the weight that all share.
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
#include "core/weight_panels.h"

namespace parl {
namespace {

constexpr int64_t kTileRows = 512;
constexpr int64_t kColumns = kLogprobBlock;
constexpr int64_t kGrainRows = 8;

constexpr int64_t kWholeTileFloats = 8 << 20;
constexpr int64_t kFewestWholeRows = 128;

// Rows of a tile that keeps the logits of the whole vocabulary.
int64_t wholeTileRows(int64_t v) { return std::min(kTileRows, kWholeTileFloats / std::max<int64_t>(v, 1)); }

// Panels of a block of the weight are at most 4 MB, and pay from so many rows on.
constexpr int64_t kMostPanelFloats = 1 << 20;
constexpr int64_t kFewestPanelRows = 128;
constexpr int64_t kFloatsAtOnce = 1 << 16;  // of logits, 256 KB

// Floats from a row of logits to the next: rows whole pages apart would share a set of the first cache, which holds fewer lines than a tile has rows.
int64_t rowFloats(int64_t columns) { return columns % 512 == 0 ? columns + 16 : columns; }

// The logits of one block of the vocabulary, for rows of a tile.
struct Block {
  int64_t column, columns;
  int64_t row() const { return rowFloats(columns); }
};
Block blockAt(int64_t column, int64_t v) { return {column, std::min(kColumns, v - column)}; }

int64_t sharedPanelFloats(const LinearLogprobShape& s) {
  const int64_t floats = weightPanelFloats(std::min(kColumns, s.v), s.d);
  return s.n >= kFewestPanelRows && floats <= kMostPanelFloats ? floats : 0;
}

// Computes logits of a tile and hands each row to its user while it is near.
class RowsOfLogits {
 public:
  RowsOfLogits(WeightData weight, const LinearLogprobShape& s) : weight_(weight), s_(s), panels_(sharedPanelFloats(s)) {}

  // logits [rows, block.columns], block.row() apart, = hidden weight^T, then use(row, its logits) for each row of the tile.
  template <typename Use>
  void compute(const float* hidden, int64_t rows, Block block, float* logits, const Use& use) {
    const WeightData own = weight_ + block.column * s_.d;
    if (sharedPanelFloats(s_) == 0) {
      matmul(hidden, own, logits, {.m = rows, .n = block.columns, .k = s_.d, .transposeB = true, .outStride = block.row()});
      parallelFor(rows, kGrainRows, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) use(i, logits + i * block.row());
      });
      return;
    }
    pack(own, block);
    const int64_t tile = PARL_DISPATCH(matmulBlocking)().tileRows;
    const int64_t together = tile * std::max<int64_t>(1, kFloatsAtOnce / (tile * block.columns));
    const int64_t parts = (rows + together - 1) / together;
    parallelFor(parts, 1, [&](int64_t begin, int64_t end) {
      Scratch scratch(panelScratchFloats(s_.d));
      for (int64_t part = begin; part < end; ++part) {
        const int64_t first = rows * part / parts, last = rows * (part + 1) / parts;
        float* const out = logits + first * block.row();
        PARL_DISPATCH(multiplyPanelRows)
        ({hidden + first * s_.d, panels_.data(), out, block.row(), last - first, block.columns, s_.d}, scratch.data());
        for (int64_t i = first; i < last; ++i) use(i, logits + i * block.row());
      }
    });
  }

 private:
  // Panels of a vocabulary of one block serve all tiles.
  void pack(WeightData own, Block block) {
    if (packedColumn_ == block.column) return;
    packedColumn_ = block.column;
    const int64_t count = (block.columns + kPanelColumns - 1) / kPanelColumns;
    parallelFor(count, 1, [&](int64_t begin, int64_t end) {
      const int64_t first = begin * kPanelColumns, last = std::min(block.columns, end * kPanelColumns);
      packWeight(own + first * s_.d, last - first, s_.d, panels_.data() + first * s_.d);
    });
  }

  const WeightData weight_;
  const LinearLogprobShape& s_;
  Scratch panels_;
  int64_t packedColumn_ = -1;
};

// Adds a block of a row's logits to its sums; finishes the row with the last block.
struct RowSums {
  const int32_t* targets;
  const LinearLogprobShape& s;
  LogprobSums* sums;
  float *logprobs, *entropies, *lse;  // entropies may be null

  void add(int64_t i, const float* logits, Block block) const {
    const float inverse = 1.0f / s.temperature;
    const bool wantEntropy = entropies != nullptr;
    PARL_DISPATCH(logprobBlock)(logits, block.columns, inverse, wantEntropy, sums[i]);
    const int64_t target = targets[i] - block.column;
    if (target >= 0 && target < block.columns) logprobs[i] = logits[target];
    if (block.column + block.columns < s.v) return;
    const LogprobRow done = PARL_DISPATCH(finishedRow)(sums[i], wantEntropy);
    logprobs[i] = tokenLogprob(done, logprobs[i], inverse);
    lse[i] = static_cast<float>(done.logSumExp);
    if (wantEntropy) entropies[i] = done.entropy;
  }
};

// Turns a block of a row's logits into their gradient in place.
struct RowGradient {
  const float *dLogprobs, *dEntropies;  // dEntropies may be null
  const int32_t* targets;
  const float *lse, *entropies;
  float inverse;

  void apply(int64_t i, float* logits, Block block) const {
    PARL_DISPATCH(logprobBackwardRow)
    (dLogprobs[i], dEntropies == nullptr ? 0.0f : dEntropies[i], logits, targets[i] - block.column, lse[i],
     dEntropies == nullptr ? 0.0f : entropies[i], block.columns, inverse, logits);
  }
};

// Multiplies the gradient of a block of a tile's logits into dHidden and dWeight.
void backwardProducts(const float* gradient, int64_t rows, Block block, const float* hidden, WeightData weight,
                      const LinearLogprobShape& s, float* dHidden, float* dWeight) {
  const WeightData w = weight + block.column * s.d;
  if (dHidden != nullptr) matmul(gradient, w, dHidden, {.m = rows, .n = s.d, .k = block.columns, .accumulate = block.column > 0, .aStride = block.row()});
  if (dWeight != nullptr) {
    matmul(gradient, hidden, dWeight + block.column * s.d,
           {.m = block.columns, .n = s.d, .k = rows, .transposeA = true, .accumulate = true, .aStride = block.row()});
  }
}

int64_t tileFloats(const LinearLogprobShape& s) { return std::min(s.n, kTileRows) * rowFloats(std::min(s.v, kColumns)); }

}  // namespace

int64_t linearLogprobScratchBytes(const LinearLogprobShape& s, int threads) {
  return static_cast<int64_t>(sizeof(float)) * (tileFloats(s) + sharedPanelFloats(s) + threads * kMatmulScratchFloats) +
         static_cast<int64_t>(sizeof(LogprobSums)) * std::min(s.n, kTileRows);
}

void linearLogprobForward(const float* hidden, WeightData weight, const int32_t* targets, const LinearLogprobShape& s,
                          float* logprobs, float* entropies, float* lse) {
  RowsOfLogits logits(weight, s);
  Scratch scratch(tileFloats(s));
  std::vector<LogprobSums> sums(static_cast<size_t>(std::min(s.n, kTileRows)));
  for (int64_t row = 0; row < s.n; row += kTileRows) {
    std::fill(sums.begin(), sums.end(), LogprobSums{});
    const RowSums own{targets + row, s, sums.data(), logprobs + row, entropies == nullptr ? nullptr : entropies + row, lse + row};
    for (int64_t column = 0; column < s.v; column += kColumns) {
      const Block block = blockAt(column, s.v);
      logits.compute(hidden + row * s.d, std::min(kTileRows, s.n - row), block, scratch.data(),
                     [&](int64_t i, const float* x) { own.add(i, x, block); });
    }
  }
}

void linearLogprobBackward(const float* dLogprobs, const float* dEntropies, const float* hidden, WeightData weight,
                           const int32_t* targets, const float* lse, const float* entropies, const LinearLogprobShape& s,
                           float* dHidden, float* dWeight) {
  RowsOfLogits logits(weight, s);
  Scratch scratch(tileFloats(s));
  for (int64_t row = 0; row < s.n; row += kTileRows) {
    const int64_t rows = std::min(kTileRows, s.n - row);
    const float* h = hidden + row * s.d;
    const RowGradient gradient{dLogprobs + row, dEntropies == nullptr ? nullptr : dEntropies + row, targets + row, lse + row,
                               entropies == nullptr ? nullptr : entropies + row, 1.0f / s.temperature};
    for (int64_t column = 0; column < s.v; column += kColumns) {
      const Block block = blockAt(column, s.v);
      logits.compute(h, rows, block, scratch.data(), [&](int64_t i, float* x) { gradient.apply(i, x, block); });
      backwardProducts(scratch.data(), rows, block, h, weight, s, dHidden == nullptr ? nullptr : dHidden + row * s.d, dWeight);
    }
  }
}

bool linearLogprobKeepsLogits(int64_t v) { return wholeTileRows(v) >= kFewestWholeRows; }

void linearLogprobWithGradient(const float* dLogprobs, const float* hidden, WeightData weight, const int32_t* targets,
                               const LinearLogprobShape& s, float* logprobs, float* entropies, float* lse, float* dHidden,
                               float* dWeight) {
  RowsOfLogits logits(weight, s);
  const int64_t tileRows = std::min(s.n, std::max<int64_t>(1, wholeTileRows(s.v)));
  // Block behind block, each of tileRows rows.
  const int64_t rest = s.v % kColumns;
  Scratch scratch(tileRows * (s.v / kColumns * rowFloats(kColumns) + (rest > 0 ? rowFloats(rest) : 0)));
  const auto blockLogits = [&](int64_t column) { return scratch.data() + column / kColumns * rowFloats(kColumns) * tileRows; };
  std::vector<LogprobSums> sums(static_cast<size_t>(tileRows));
  for (int64_t row = 0; row < s.n; row += tileRows) {
    const int64_t rows = std::min(tileRows, s.n - row);
    const float* h = hidden + row * s.d;
    std::fill(sums.begin(), sums.end(), LogprobSums{});
    const RowSums own{targets + row, s, sums.data(), logprobs + row, entropies == nullptr ? nullptr : entropies + row, lse + row};
    const RowGradient gradient{dLogprobs + row, nullptr, targets + row, lse + row, nullptr, 1.0f / s.temperature};
    const bool isOneBlock = s.v <= kColumns;  // then a row has its sums at once
    for (int64_t column = 0; column < s.v; column += kColumns) {
      const Block block = blockAt(column, s.v);
      logits.compute(h, rows, block, blockLogits(column), [&](int64_t i, float* x) {
        own.add(i, x, block);
        if (isOneBlock) gradient.apply(i, x, block);
      });
    }
    for (int64_t column = 0; column < s.v; column += kColumns) {
      const Block block = blockAt(column, s.v);
      float* const x = blockLogits(column);
      if (!isOneBlock) {
        parallelFor(rows, kGrainRows, [&](int64_t begin, int64_t end) {
          for (int64_t i = begin; i < end; ++i) gradient.apply(i, x + i * block.row(), block);
        });
      }
      backwardProducts(x, rows, block, h, weight, s, dHidden + row * s.d, dWeight);
    }
  }
}

}  // namespace parl
