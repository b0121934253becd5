// Gradient of causal attention for one key/value head of one segment; weights are recomputed from lse.
//
// For each query head of the group, for each block of kAttentionQueryBlock queries, with the keys they see:
//   pass 1: q k^T and dOut v^T, tile by tile of rows up to the keys that its last one sees; keys and values come in panels
//           (attention.h) that are packed once for all heads and blocks
//   pass 2: p = e^(scale q k^T - lse) and ds = scale p (dOut v^T - delta), delta = sum over d of dOut * out; both are zero where
//           the key is behind the query
//   pass 3: dv += p^T dOut
//   pass 4: dk += ds^T q
//   pass 5: dq = ds k
// The last three are register tiles over operands where they lie: of p and ds the rows of a block, of the others a headDim. A tile begins at the
// first query that sees its first key, or ends at the last key that its last query sees: of the square on the diagonal it reads a kTileRows of
// zeros, no more. dk and dv add over heads, then over ascending queries; one thread owns them, so nothing races. Blocks lie at fixed places of the
// segment: neighbours in the batch change no bit. Longer blocks visit dk and dv less often; p and ds of 128 queries and 512 keys are half a second
// cache. While pass 1 multiplies it asks for what it and pass 2 read next, a headDim of each row, a line with a step (TileFetch); pass 5 for what it writes.
// Keys are those of the ancestors, then the segment's own (attention.h).
#include "core/attention.h"
#include "core/kernels/tile.h"
#include "core/matmul.h"

namespace parl::PARL_ISA {
namespace {

inline float dotRow(const float* a, const float* b, int64_t count) {
  Vec sum{};
  for (int64_t j = 0; j < count; j += kWidth) {
    const bool whole = count - j >= kWidth;
    const int lanes = static_cast<int>(whole ? kWidth : count - j);
    sum = whole ? fma(load(a + j), load(b + j), sum) : fma(loadPartial(a + j, lanes), loadPartial(b + j, lanes), sum);
  }
  return reduceAdd(sum);
}

// Rows of a head, which lie too far apart for a processor to foresee.
struct HeadRows {
  const float* at = nullptr;
  int64_t row = 0, rows = 0, floats = 0;
  // Asks for the share of tile i of so many.
  void fetch(int64_t i, int64_t tiles, TileFetch& fetch) const {
    const int64_t from = rows * i / tiles;
    fetch.add(at + from * row, row, rows * (i + 1) / tiles - from, floats);
  }
};

// out[r][j] = chain over ascending d of x[r][d] times dimension d of panel entry j, for the rows of one tile and `keys` entries.
struct PanelRows {
  const float* x;
  int64_t xRow;
  const float* panels;
  float* out;
  int64_t outRow, keys, headDim;
  float* scratch;
  HeadRows first, second;  // what it asks for while it multiplies

  template <int R>
  __attribute__((noinline)) void run() const {
    packTransposed(x, xRow, R, headDim, scratch, R);
    const int64_t tiles = (keys + kTileColumns - 1) / kTileColumns;
    int64_t j = 0;
    for (; j + kWidth < keys; j += kTileColumns) entries<R, kTileVecs>(j, tiles);
    if (j < keys) entries<R, 1>(j, tiles);  // the last few
  }

  template <int R, int NV>
  __attribute__((always_inline)) inline void entries(int64_t j, int64_t tiles) const {
    Vec acc[R][NV] = {};
    const float* panel = panels + j / kKeyPanel * kKeyPanel * headDim + j % kKeyPanel;
    TileFetch fetch;
    first.fetch(j / kTileColumns, tiles, fetch);
    second.fetch(j / kTileColumns, tiles, fetch);
    multiplyTile<R, NV>(acc, headDim, scratch, R, panel, kKeyPanel, kWidth, fetch);
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r) {
#pragma GCC unroll 8
      for (int c = 0; c < NV; ++c) store(out + r * outRow + j + c * kWidth, acc[r][c]);
    }
  }
};

// out[r][d] (+)= chain over ascending i < depth of weights times x[i][d]: of weights[i * step + r], or with isByRows of weights[r * step + i].
struct WeightedRows {
  const float* weights;
  int64_t step;
  const float* x;
  int64_t xRow;
  float* out;
  int64_t outRow, depth, headDim;

  template <int R, bool isByRows>
  __attribute__((noinline)) void run() const {
    int64_t d = 0;
    for (; d + kTileColumns <= headDim; d += kTileColumns) columns<R, kTileVecs, false, isByRows>(d, kWidth);
    for (; d + kWidth <= headDim; d += kWidth) columns<R, 1, false, isByRows>(d, kWidth);
    if (d < headDim) columns<R, 1, true, isByRows>(d, static_cast<int>(headDim - d));
  }

  template <int R, int NV, bool Partial, bool isByRows>
  __attribute__((always_inline)) inline void columns(int64_t d, int lastLanes) const {
    Vec acc[R][NV];
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r) {
#pragma GCC unroll 8
      for (int c = 0; c < NV; ++c) acc[r][c] = Vec{};
      if (!isByRows) loadColumns<NV, Partial>(acc[r], out + r * outRow + d, lastLanes);
    }
    if constexpr (isByRows) {
      TileFetch fetch;  // the rows that it will write
      fetch.add(out + d, outRow, R, NV * kWidth);
      multiplyRows<R, NV, Partial>(acc, depth, weights, step, x + d, xRow, lastLanes, fetch);
    } else {
      multiplyTile<R, NV, Partial>(acc, depth, weights, step, x + d, xRow, lastLanes);
    }
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r) {
#pragma GCC unroll 8
      for (int c = 0; c < NV; ++c) {
        float* const at = out + r * outRow + d + c * kWidth;
        if (Partial && c == NV - 1) {
          storePartial(at, acc[r][c], lastLanes);
        } else {
          store(at, acc[r][c]);
        }
      }
    }
  }
};

// Keys, each a column of the weights: added to out.
struct KeyTile {
  const WeightedRows& rows;
  template <int R>
  void run() const {
    rows.run<R, false>();
  }
};
// Queries, each a row of the weights: out is overwritten.
struct QueryTile {
  const WeightedRows& rows;
  template <int R>
  void run() const {
    rows.run<R, true>();
  }
};

inline void zeroFrom(float* row, int64_t from, int64_t to) {
  for (int64_t j = from; j < to; ++j) row[j] = 0.0f;
}

}  // namespace

void attentionGradient(const AttentionGradient& g, float* scratch, float* matmulScratch) {
  const float scale = 1.0f / __builtin_sqrtf(static_cast<float>(g.headDim));
  for (int64_t j = 0; j < g.firstPosition + g.length; ++j) {
    zeroFrom(g.dk + j * g.kvStride, 0, g.headDim);
    zeroFrom(g.dv + j * g.kvStride, 0, g.headDim);
  }
  for (int64_t head = 0; head < g.groupHeads; ++head) {
    for (int64_t first = 0; first < g.length; first += kAttentionQueryBlock) {
      const int64_t queries = g.length - first < kAttentionQueryBlock ? g.length - first : kAttentionQueryBlock;
      const int64_t keys = g.firstPosition + first + queries, stride = attentionGradientRow(keys);
      float* p = scratch;
      float* ds = scratch + queries * stride;
      const int64_t at = first * g.qStride + head * g.headDim;
      const float *q = g.q + at, *out = g.out + at, *dOut = g.dOut + at;
      const float* lse = g.lse + first * g.lseStride + head;

      const int64_t tiles = (queries + kTileRows - 1) / kTileRows;
      for (int64_t t = 0; t < tiles; ++t) {
        const int64_t row = queries * t / tiles, end = queries * (t + 1) / tiles;
        const auto rows = static_cast<int>(end - row);
        const int64_t seen = keys - queries + end;
        // The rows behind these: of the next head, behind the last ones.
        const bool isLast = first + end == g.length, isLastHead = head + 1 == g.groupHeads;
        const int64_t next = isLast ? g.headDim - first * g.qStride : end * g.qStride, nextRows = isLast && isLastHead ? 0 : rows;
        withRows(rows, PanelRows{q + row * g.qStride, g.qStride, g.keyPanels, p + row * stride, stride, seen, g.headDim, matmulScratch,
                                 {q + next, g.qStride, nextRows, g.headDim}, {out + row * g.qStride, g.qStride, rows, g.headDim}});
        withRows(rows, PanelRows{dOut + row * g.qStride, g.qStride, g.valuePanels, ds + row * stride, stride, seen, g.headDim, matmulScratch,
                                 {dOut + next, g.qStride, nextRows, g.headDim}, {}});
      }
      for (int64_t r = 0; r < queries; ++r) {
        float *pRow = p + r * stride, *dsRow = ds + r * stride;
        const int64_t seen = keys - queries + r + 1;
        const Vec shift = splat(-lse[r * g.lseStride]);
        const Vec delta = splat(dotRow(dOut + r * g.qStride, out + r * g.qStride, g.headDim));
        for (int64_t j = 0; j < seen; j += kWidth) {
          const Vec weight = vexpBelow80(fma(load(pRow + j), splat(scale), shift));
          store(pRow + j, weight);
          store(dsRow + j, weight * (load(dsRow + j) - delta) * splat(scale));
        }
        // A tile that holds a key that this query sees holds these at most.
        store(pRow + seen, Vec{});
        store(dsRow + seen, Vec{});
      }
      const int64_t before = keys - queries, keyTiles = (keys + kTileRows - 1) / kTileRows;
      for (int64_t t = 0; t < keyTiles; ++t) {
        const int64_t key = keys * t / keyTiles;
        const auto rows = static_cast<int>(keys * (t + 1) / keyTiles - key);
        const int64_t query = key > before ? key - before : 0;  // the first one that sees the first of them
        const int64_t weight = query * stride + key, row = query * g.qStride, depth = queries - query;
        withRows(rows, KeyTile{{p + weight, stride, dOut + row, g.qStride, g.dv + key * g.kvStride, g.kvStride, depth, g.headDim}});
        withRows(rows, KeyTile{{ds + weight, stride, q + row, g.qStride, g.dk + key * g.kvStride, g.kvStride, depth, g.headDim}});
      }
      for (int64_t t = 0; t < tiles; ++t) {
        const int64_t row = queries * t / tiles, end = queries * (t + 1) / tiles;
        withRows(static_cast<int>(end - row), QueryTile{{ds + row * stride, stride, g.k, g.kvStride, g.dq + at + row * g.qStride, g.qStride,
                                                         before + end, g.headDim}});
      }
    }
  }
}

}  // namespace parl::PARL_ISA
