// The head by tiles of rows and blocks of the vocabulary. The logits of a tile, kTileRows x kColumns at most, are one parallel
// matmul; then one pass over them in place adds them to each row's sums (logprobBlock, which is what a whole row is made of too, so
// that blocks do not show in the result). The backward pass recomputes the tile, turns it into its gradient in place, and
// multiplies it into dHidden and dWeight. Since an accumulating matmul continues its chains, dHidden is one chain over the ascending
// vocabulary and dWeight one over ascending rows, whatever the tile's size.
//
// The memory of dWeight [v, d] stands idle until the backward pass. So the forward pass may leave logits there: a block's, of as many rows as
// fit in the place of its words (about d, of 1,024 at most), in rows as in a tile. The backward pass turns them into the gradient in
// a tile, and its product overwrites the place. That saves one of four products and costs no memory; rows behind those are computed again.
//
// Where the gradient of the log-probs is known before they are (a supervised loss weighs them by constants), one pass does both: it
// keeps the logits of all blocks of a tile, takes the sums, and turns them into gradients at once. That saves the product for all rows, and
// is worth it while a tile of 32 MB has rows enough to pay for packing the weight, up to a vocabulary of 65,536.
//
// Where the hidden states are short, the pass over a tile would cost as much as a third of its product. Then each thread takes the logits of some
// rows at a time (RowsOfLogits), as few as stay in its second cache until the pass, over panels of the weight that all share; the forward
// pass, which needs them no more, in the place of the ones before.
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
constexpr int64_t kMostKeptRows = 1024;  // then a tile of their gradient is 16 MB

// Rows of a tile that keeps the logits of the whole vocabulary.
int64_t wholeTileRows(int64_t v) { return std::min(kTileRows, kWholeTileFloats / std::max<int64_t>(v, 1)); }

// Panels of a block of the weight are at most 4 MB, and pay from so many rows on.
constexpr int64_t kMostPanelFloats = 1 << 20;
constexpr int64_t kFewestPanelRows = 128;
constexpr int64_t kFloatsAtOnce = 1 << 17;  // of logits, 512 KB: half a second cache

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

// Rows whose logits a thread has at a time.
int64_t rowsAtOnce(int64_t columns) {
  const int64_t tile = PARL_DISPATCH(matmulBlocking)().tileRows;
  return tile * std::max<int64_t>(1, kFloatsAtOnce / (tile * columns));
}

// Computes logits of a tile and hands each row to its user while it is near.
class RowsOfLogits {
 public:
  RowsOfLogits(const HeadWeight& weight, const LinearLogprobShape& s)
      : weight_(weight.values), packed_(weight.panels), s_(s), own_(weight.panels == nullptr ? sharedPanelFloats(s) : 0) {}

  // Whether compute() can do without a place for the logits of all rows.
  bool isByThread() const { return packed_ != nullptr || sharedPanelFloats(s_) > 0; }

  // logits [rows, block.columns], block.row() apart, = hidden weight^T, then use(row, its logits) for each row of the tile. Null where only
  // use() wants them: then each thread has them where the ones before were.
  template <typename Use>
  void compute(const float* hidden, int64_t rows, Block block, float* logits, const Use& use) {
    const WeightData own = weight_ + block.column * s_.d;
    if (!isByThread()) {
      matmul(hidden, own, logits, {.m = rows, .n = block.columns, .k = s_.d, .transposeB = true, .outStride = block.row()});
      parallelFor(rows, kGrainRows, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) use(i, logits + i * block.row());
      });
      return;
    }
    const float* const panels = packed_ != nullptr ? packed_ + block.column * s_.d : pack(own, block);
    const int64_t together = rowsAtOnce(block.columns), parts = (rows + together - 1) / together;
    parallelFor(parts, 1, [&](int64_t begin, int64_t end) {
      Scratch scratch(panelScratchFloats(s_.d)), place(logits == nullptr ? std::min(rows, together) * block.row() : 0);
      for (int64_t part = begin; part < end; ++part) {
        const int64_t first = rows * part / parts, last = rows * (part + 1) / parts;
        float* const out = logits == nullptr ? place.data() : logits + first * block.row();
        PARL_DISPATCH(multiplyPanelRows)
        ({hidden + first * s_.d, panels, out, block.row(), last - first, block.columns, s_.d}, scratch.data());
        for (int64_t i = first; i < last; ++i) use(i, out + (i - first) * block.row());
      }
    });
  }

 private:
  // Panels of a vocabulary of one block serve all tiles.
  const float* pack(WeightData own, Block block) {
    if (packedColumn_ == block.column) return own_.data();
    packedColumn_ = block.column;
    const int64_t count = (block.columns + kPanelColumns - 1) / kPanelColumns;
    parallelFor(count, 1, [&](int64_t begin, int64_t end) {
      const int64_t first = begin * kPanelColumns, last = std::min(block.columns, end * kPanelColumns);
      packWeight(own + first * s_.d, last - first, s_.d, own_.data() + first * s_.d);
    });
    return own_.data();
  }

  const WeightData weight_;
  const float* const packed_;  // the whole weight, or null
  const LinearLogprobShape& s_;
  Scratch own_;  // panels of a block
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

// Turns a block of a row's logits into their gradient, in place or elsewhere.
struct RowGradient {
  const float *dLogprobs, *dEntropies;  // dEntropies may be null
  const int32_t* targets;
  const float *lse, *entropies;
  float inverse;

  void apply(int64_t i, const float* logits, Block block, float* gradient) const {
    PARL_DISPATCH(logprobBackwardRow)
    (dLogprobs[i], dEntropies == nullptr ? 0.0f : dEntropies[i], logits, targets[i] - block.column, lse[i],
     dEntropies == nullptr ? 0.0f : entropies[i], block.columns, inverse, gradient);
  }
};

// Multiplies the gradient of a block of a tile's logits into dHidden and dWeight, which is accumulated or overwritten.
void backwardProducts(const float* gradient, int64_t rows, Block block, const float* hidden, WeightData weight,
                      const LinearLogprobShape& s, float* dHidden, float* dWeight, bool accumulatesWeight) {
  const WeightData w = weight + block.column * s.d;
  if (dHidden != nullptr) matmul(gradient, w, dHidden, {.m = rows, .n = s.d, .k = block.columns, .accumulate = block.column > 0, .aStride = block.row()});
  if (dWeight != nullptr) {
    matmul(gradient, hidden, dWeight + block.column * s.d,
           {.m = block.columns, .n = s.d, .k = rows, .transposeA = true, .accumulate = accumulatesWeight, .aStride = block.row()});
  }
}

// Rows whose logits are kept where the gradient of the weight will be: each block of them in the place of its words.
int64_t keptRows(const LinearLogprobShape& s) {
  int64_t rows = std::min(s.n, kMostKeptRows);
  for (int64_t column = 0; column < s.v; column += kColumns) {
    const Block block = blockAt(column, s.v);
    rows = std::min(rows, block.columns * s.d / block.row());
  }
  return rows;
}

// Tiles of rows: the first of those kept, all others of kTileRows.
int64_t tileEnd(int64_t row, int64_t kept, int64_t n) { return row < kept ? kept : std::min(n, row + kTileRows); }
int64_t mostTileRows(int64_t kept, int64_t n) { return std::max(kept, std::min(kTileRows, n - kept)); }

int64_t tileFloats(const LinearLogprobShape& s, int64_t rows) { return rows * rowFloats(std::min(s.v, kColumns)); }

}  // namespace

int64_t linearLogprobScratchBytes(const LinearLogprobShape& s, int threads) {
  const int64_t rows = std::max(mostTileRows(0, s.n), mostTileRows(keptRows(s), s.n)), columns = std::min(s.v, kColumns);
  const int64_t byThread = sharedPanelFloats(s) == 0 ? 0 : std::min(s.n, rowsAtOnce(columns)) * rowFloats(columns);
  return static_cast<int64_t>(sizeof(float)) *
             (tileFloats(s, rows) + sharedPanelFloats(s) + threads * (byThread + kMatmulScratchFloats) + kMatmulRowFloats) +
         static_cast<int64_t>(sizeof(LogprobSums)) * rows;
}

void linearLogprobForward(const float* hidden, const HeadWeight& weight, const int32_t* targets, const LinearLogprobShape& s,
                          float* logprobs, float* entropies, float* lse, float* keptLogits) {
  const int64_t kept = keptLogits == nullptr ? 0 : keptRows(s);
  RowsOfLogits logits(weight, s);
  Scratch scratch(logits.isByThread() ? 0 : tileFloats(s, std::min(kTileRows, s.n - kept)));
  float* const place = logits.isByThread() ? nullptr : scratch.data();
  std::vector<LogprobSums> sums(static_cast<size_t>(mostTileRows(kept, s.n)));
  for (int64_t row = 0, end; row < s.n; row = end) {
    end = tileEnd(row, kept, s.n);
    std::fill(sums.begin(), sums.end(), LogprobSums{});
    const RowSums own{targets + row, s, sums.data(), logprobs + row, entropies == nullptr ? nullptr : entropies + row, lse + row};
    for (int64_t column = 0; column < s.v; column += kColumns) {
      const Block block = blockAt(column, s.v);
      logits.compute(hidden + row * s.d, end - row, block, row < kept ? keptLogits + column * s.d : place,
                     [&](int64_t i, const float* x) { own.add(i, x, block); });
    }
  }
}

void linearLogprobBackward(const float* dLogprobs, const float* dEntropies, const float* hidden, WeightData weight,
                           const int32_t* targets, const float* lse, const float* entropies, const LinearLogprobShape& s,
                           float* dHidden, float* dWeight, bool isKept) {
  const int64_t kept = isKept ? keptRows(s) : 0;
  RowsOfLogits logits(HeadWeight(weight), s);
  Scratch scratch(tileFloats(s, mostTileRows(kept, s.n)));
  if (isKept && kept == 0) std::fill_n(dWeight, s.v * s.d, 0.0f);
  for (int64_t row = 0, end; row < s.n; row = end) {
    end = tileEnd(row, kept, s.n);
    const int64_t rows = end - row;
    const float* h = hidden + row * s.d;
    const RowGradient gradient{dLogprobs + row, dEntropies == nullptr ? nullptr : dEntropies + row, targets + row, lse + row,
                               entropies == nullptr ? nullptr : entropies + row, 1.0f / s.temperature};
    for (int64_t column = 0; column < s.v; column += kColumns) {
      const Block block = blockAt(column, s.v);
      float* const out = scratch.data();
      if (row < kept) {
        const float* const keptLogits = dWeight + column * s.d;
        parallelFor(rows, kGrainRows, [&](int64_t begin, int64_t last) {
          for (int64_t i = begin; i < last; ++i) gradient.apply(i, keptLogits + i * block.row(), block, out + i * block.row());
        });
      } else {
        logits.compute(h, rows, block, out, [&](int64_t i, float* x) { gradient.apply(i, x, block, x); });
      }
      backwardProducts(out, rows, block, h, weight, s, dHidden == nullptr ? nullptr : dHidden + row * s.d, dWeight, row >= kept);
    }
  }
}

void linearLogprobWithGradient(const float* dLogprobs, const float* hidden, WeightData weight, const int32_t* targets,
                               const LinearLogprobShape& s, float* logprobs, float* entropies, float* lse, float* dHidden,
                               float* dWeight) {
  if (wholeTileRows(s.v) < kFewestWholeRows) {
    linearLogprobForward(hidden, weight, targets, s, logprobs, entropies, lse, dWeight);
    linearLogprobBackward(dLogprobs, nullptr, hidden, weight, targets, lse, nullptr, s, dHidden, dWeight, dWeight != nullptr);
    return;
  }
  if (s.n == 0 && dWeight != nullptr) std::fill_n(dWeight, s.v * s.d, 0.0f);
  RowsOfLogits logits(HeadWeight(weight), s);
  const int64_t tileRows = std::min(s.n, wholeTileRows(s.v));
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
        if (isOneBlock) gradient.apply(i, x, block, x);
      });
    }
    for (int64_t column = 0; column < s.v; column += kColumns) {
      const Block block = blockAt(column, s.v);
      float* const x = blockLogits(column);
      if (!isOneBlock) {
        parallelFor(rows, kGrainRows, [&](int64_t begin, int64_t end) {
          for (int64_t i = begin; i < end; ++i) gradient.apply(i, x + i * block.row(), block, x + i * block.row());
        });
      }
      backwardProducts(x, rows, block, h, weight, s, dHidden + row * s.d, dWeight, row > 0);
    }
  }
}

}  // namespace parl
