// out[m,n] (+)= op(a)[m,k] op(b)[k,n]: one rectangle on one thread (matmulBlock), or its two passes for threads that share packed columns.
//
//   for each block of columns (kMatmulColumnBlock), for each slice of depth (kDepth):
//     pass 1: pack op(b) into panels [kDepth][kTileColumns], columns behind n as zeros
//     for each block of rows (kRowBlock):
//       pass 2: for each b panel, for each a panel: pack the a panel [kDepth][rows of the tile] where this is the first b panel, load
//               the tile of out (zeros at the first slice), continue its chains over the slice, store it
//
// Why this blocking: a b panel of 576 x 16 floats (AVX2) is 36 KiB, most of it stays in L1 while all a panels of the row block
// stream from L2, and deeper slices load and store out less often. Slices inside of columns: what they add to, kMatmulColumnBlock columns of out, is
// still in the last cache. Storing a chain's value to out between slices and loading it again is exact, so slices do not show in the result.
// Packing absorbs all transposes; a transposed operand goes through registers in squares. A row-major op(a) is read by rows, where it lies, where a
// block has at most kInPlaceColumns columns: packing would cost a tenth of the product. Else it is packed a tile at a time. Rows that
// compete for one set of the cache are copied first. A transposed op(a) is packed for all tiles of a row block at once, since its cache lines
// hold the columns of several. Where op(b) lies by depth too, as in the gradient of a weight, neither is packed (readsOperandsInPlace): a step
// takes two lines and a part of one from the second cache, which has time for them; 6 rows of AVX2 give it too little where operands are wide.
// The rows of a block are dealt evenly over its tiles: 16 rows are 8 + 8, not 14 + 2, whose two rows would wait on latency.
//
// Weights that come from memory for a few hundred rows have a blocking of their own (matmul_strips.cc).
//
// Operands of a training step come from the last cache or from memory, so every tile asks for what the next ones need while it multiplies
// (TileFetch): the next tile's rows of out and, the first time, of op(a); of a transposed op(a) its share of the next block of rows, or of the next
// slice, and of an op(b) that is not packed.
#include "core/matmul.h"

#include "core/kernels/few_rows.h"
#include "core/kernels/matmul_tile.h"

namespace parl::PARL_ISA {
namespace {

constexpr int64_t kRowBlock = 168;  // a multiple of every kTileRows
constexpr int64_t kInPlaceColumns = kTileRows <= 6 ? 128 : kMatmulColumnBlock;
constexpr int64_t kInPlaceGradientDepth = 384;  // what a tile reads of a slice is in the second cache for the next one
constexpr int64_t kInPlaceGradientColumns = kTileRows <= 6 ? 256 : kMatmulColumnBlock;
constexpr int64_t kInPlaceGradientStride = kTileRows <= 6 ? 1024 : INT64_MAX;
constexpr int64_t kAliasingFloats = 1024;  // rows this far apart share a set of the first cache, which holds fewer lines than a tile has rows

// Packed columns that one or two tiles use once stay in the first cache, those of some more tiles in the second.
inline int64_t columnBlockFor(int64_t m) { return m <= 2 * kTileRows ? kTileColumns : m <= 96 ? 192 : kMatmulColumnBlock; }
inline int64_t depthFor(int64_t m) { return m <= 2 * kTileRows ? kDepth / 3 : kDepth; }

// Floats from a copied row to the next: an odd number of cache lines, so that rows do not share a set of the first cache.
constexpr int64_t copiedRow(int64_t depth) { return (depth + 31) / 32 * 32 + 16; }

// `elements` is x.b or x.bHalves.
template <typename T>
void packColumns(const T* elements, const MatmulBlock& x, int64_t p0, int64_t depth, int64_t j0, int64_t columns, float* packed) {
  for (int64_t j = 0; j < columns; j += kTileColumns, packed += depth * kTileColumns) {
    const T* b = elements + p0 * x.bDepth + (j0 + j) * x.bColumn;
    const int width = static_cast<int>(smaller(kTileColumns, columns - j));
    if (x.bColumn == 1) {
      for (int64_t p = 0; p < depth; ++p) {
        const T* row = b + p * x.bDepth;
        float* out = packed + p * kTileColumns;
        if (width == kTileColumns) {
          for (int c = 0; c < kTileVecs; ++c) store(out + c * kWidth, load(row + c * kWidth));
        } else {
          for (int c = 0; c < kTileVecs; ++c) store(out + c * kWidth, loadPartial(row + c * kWidth, lanes(width, c)));
        }
      }
    } else {
      for (int c = 0; c < kTileVecs; ++c) {
        packTransposed(b + c * kWidth * x.bColumn, x.bColumn, lanes(width, c), depth, packed + c * kWidth, kTileColumns);
      }
    }
  }
}

// Rows i0 .. i0 + rows of a row-major op(a), kept as rows.
inline void copyRows(const MatmulBlock& x, int64_t p0, int64_t depth, int64_t i0, int64_t rows, float* packed) {
  for (int64_t r = 0; r < rows; ++r) {
    __builtin_memcpy(packed + r * copiedRow(depth), x.a + (i0 + r) * x.aRow + p0, static_cast<size_t>(depth) * sizeof(float));
  }
}

// Columns start[0] .. start[tiles] behind i0 of a transposed op(a), all tiles of a block at once: its lines and pages hold more than one tile.
inline void packTransposedRows(const MatmulBlock& x, int64_t p0, int64_t depth, int64_t i0, const int64_t* start, int64_t tiles,
                               float* packed) {
  const float* a = x.a + i0 + p0 * x.aDepth;
  // Whole vectors where they stay in the tile: what they write behind a depth's rows is written over by the next depth.
  int64_t wholeVectors[kRowBlock / kTileRows + 2];
  for (int64_t t = 0; t < tiles; ++t) {
    const int64_t rows = start[t + 1] - start[t], room = depth * rows - kWidth;
    wholeVectors[t] = x.aDepth < kWidth || room < 0 ? 0 : room / rows + 1;
  }
  for (int64_t p = 0; p < depth; ++p, a += x.aDepth) {
    for (int64_t t = 0; t < tiles; ++t) {
      const int rows = static_cast<int>(start[t + 1] - start[t]);
      float* out = packed + start[t] * depth + p * rows;
      if (p < wholeVectors[t]) {
        store(out, load(a + start[t]));
      } else {
        storePartial(out, loadPartial(a + start[t], rows), rows);
      }
    }
  }
}

template <typename T>
void packSlice(const T* elements, const MatmulBlock& x, const MatmulSlice& slice, int64_t begin, int64_t end, float* packed) {
  packColumns(elements, x, slice.p0, slice.depth, slice.j0 + begin, end - begin, packed + begin * slice.depth);
}

}  // namespace

MatmulBlocking matmulBlocking() { return {kDepth, kInPlaceGradientDepth, kTileRows, kFewRows}; }

bool readsOperandsInPlace(const MatmulBlock& x) {
  return x.aDepth != 1 && x.aDepth <= kInPlaceGradientStride && x.bColumn == 1 && x.b != nullptr && x.n % kTileColumns == 0 &&
         x.n <= kInPlaceGradientColumns;
}

void packMatmulColumns(const MatmulBlock& x, const MatmulSlice& slice, int64_t begin, int64_t end, float* packed) {
  if (x.bHalves != nullptr) {
    packSlice(x.bHalves, x, slice, begin, end, packed);
  } else {
    packSlice(x.b, x, slice, begin, end, packed);
  }
}

void multiplyMatmulRows(const MatmulBlock& x, const MatmulSlice& slice, int64_t begin, int64_t end, const float* packedB,
                        float* packedA) {
  const auto [p0, depth, j0, columns, hasPackedRows] = slice;
  const bool isRowMajor = x.aDepth == 1;
  const bool isReadByRows = isRowMajor && columns <= kInPlaceColumns;
  const bool inPlace = isRowMajor ? isReadByRows && x.aRow % kAliasingFloats != 0 : packedB == nullptr;
  const int64_t rowBlocks = (end - begin + kRowBlock - 1) / kRowBlock;
  for (int64_t rowBlock = 0; rowBlock < rowBlocks; ++rowBlock) {
    const int64_t first = begin + (end - begin) * rowBlock / rowBlocks;
    const int64_t rows = begin + (end - begin) * (rowBlock + 1) / rowBlocks - first;
    const int64_t tiles = (rows + kTileRows - 1) / kTileRows;
    int64_t start[kRowBlock / kTileRows + 2];  // of each tile; the divisions would cost a tenth of a shallow tile
    for (int64_t t = 0; t <= tiles; ++t) start[t] = rows * t / tiles;
    const float* a = x.a + first * x.aRow + p0 * x.aDepth;
    // What comes after this block of rows: the next one of this slice, or the first one of the next slice.
    const bool isLastBlock = rowBlock + 1 == rowBlocks;
    const int64_t laterP = isLastBlock ? p0 + depth : p0, laterDepth = smaller(depth, x.k - laterP);
    const int64_t laterRow = isLastBlock ? begin : first + rows, laterRows = begin + (end - begin) * (isLastBlock ? 1 : rowBlock + 2) / rowBlocks - laterRow;
    const int64_t runs = (columns + kTileColumns - 1) / kTileColumns * tiles;
    if (!inPlace && !isRowMajor && !hasPackedRows) packTransposedRows(x, p0, depth, first, start, tiles, packedA);
    for (int64_t j = 0; j < columns; j += kTileColumns) {
      float* out = x.out + first * x.outRow + j0 + j;
      for (int64_t t = 0; t < tiles; ++t) {
        const int64_t own = start[t], ownRows = start[t + 1] - own;
        const bool isNew = j == 0 && !hasPackedRows;
        Tile tile{};
        if (kSpreadsFetches && !isRowMajor) {
          // This tile's share.
          const int64_t run = j / kTileColumns * tiles + t, p1 = laterP + laterDepth * run / runs, p2 = laterP + laterDepth * (run + 1) / runs;
          tile.fetch.add(x.a + laterRow + p1 * x.aDepth, x.aDepth, p2 - p1, laterRows);
          if (packedB == nullptr && isLastBlock) tile.fetch.add(x.b + p1 * x.bDepth + j0, x.bDepth, p2 - p1, columns);
        }
        if (t + 1 < tiles) {
          const int64_t next = start[t + 1], count = start[t + 2] - next;
          tile.fetch.add(out + next * x.outRow, x.outRow, count, kTileColumns);
          if (isNew && isRowMajor) tile.fetch.add(a + next * x.aRow, x.aRow, count, depth);
        } else if (kSpreadsFetches && j + kTileColumns < columns) {
          tile.fetch.add(out + kTileColumns, x.outRow, start[1], kTileColumns);
        }
        tile.isReadByRows = isReadByRows;
        if (inPlace) {
          tile.a = a + own * x.aRow;
          tile.aStep = isRowMajor ? x.aRow : x.aDepth;
        } else if (isReadByRows) {
          if (isNew) copyRows(x, p0, depth, first + own, ownRows, packedA + own * copiedRow(depth));
          tile.a = packedA + own * copiedRow(depth);
          tile.aStep = copiedRow(depth);
        } else {
          if (isNew && isRowMajor) packTransposed(a + own * x.aRow, x.aRow, static_cast<int>(ownRows), depth, packedA + own * depth, ownRows);
          tile.a = packedA + own * depth;
          tile.aStep = ownRows;
        }
        tile.b = packedB == nullptr ? x.b + p0 * x.bDepth + j0 + j : packedB + j * depth;
        tile.bStep = packedB == nullptr ? x.bDepth : kTileColumns;
        tile.out = out + own * x.outRow;
        tile.outRow = x.outRow;
        tile.depth = depth;
        tile.width = static_cast<int>(smaller(kTileColumns, columns - j));
        tile.fromZero = p0 == 0 && !x.accumulate;
        withRows(static_cast<int>(ownRows), tile);
      }
    }
  }
}

void matmulBlock(const MatmulBlock& x, float* scratch) {
  static_assert(kMatmulRowFloats >= copiedRow(kDepth) * kRowBlock + kWidth && kMatmulColumnFloats >= kDepth * kMatmulColumnBlock);
  if (x.k == 0 && !x.accumulate) {
    for (int64_t i = 0; i < x.m; ++i) {
      for (int64_t j = 0; j < x.n; ++j) x.out[i * x.outRow + j] = 0.0f;
    }
  }
  if (x.m <= kFewRows && x.aDepth == 1 && x.bDepth == 1 && x.k > 0 && x.k * x.m + kWidth <= kMatmulScratchFloats) {
    if (x.m > 1) packTransposed(x.a, x.aRow, static_cast<int>(x.m), x.k, scratch, x.m);
    const float* a = x.m > 1 ? scratch : x.a;
    if (x.bHalves != nullptr) return withRows(static_cast<int>(x.m), FewRows<Bf16>{x, x.bHalves, a});
    return withRows(static_cast<int>(x.m), FewRows<float>{x, x.b, a});
  }
  float* packedB = readsOperandsInPlace(x) ? nullptr : scratch;
  float* packedA = scratch + kMatmulColumnFloats;
  const int64_t slices = (x.k + depthFor(x.m) - 1) / depthFor(x.m);
  const int64_t columnBlock = columnBlockFor(x.m);
  for (int64_t j0 = 0; j0 < x.n; j0 += columnBlock) {
    const int64_t columns = smaller(columnBlock, x.n - j0);
    for (int64_t i = 0; i < slices; ++i) {
      const int64_t p0 = x.k * i / slices, depth = x.k * (i + 1) / slices - p0;
      // With one row block and one slice the packed rows are still there from the first column block.
      const MatmulSlice slice{p0, depth, j0, columns, x.m <= kRowBlock && slices == 1 && j0 > 0};
      if (packedB != nullptr) packMatmulColumns(x, slice, 0, columns, packedB);
      multiplyMatmulRows(x, slice, 0, x.m, packedB, packedA);
    }
  }
}

}  // namespace parl::PARL_ISA
