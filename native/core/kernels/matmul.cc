// out[m,n] (+)= op(a)[m,k] op(b)[k,n]: one rectangle on one thread (matmulBlock), or its two passes for threads that share packed columns.
//
//   for each block of columns (kMatmulColumnBlock), for each slice of depth (kDepth):
//     pass 1: pack op(b) into panels [kDepth][kTileColumns], columns behind n as zeros
//     for each block of rows (kRowBlock):
//       pass 2: for each b panel, for each a panel: pack the a panel [kDepth][rows of the tile] where this is the first b panel, load
//               the tile of out (zeros at the first slice), continue its chains over the slice, store it
//
// Why this blocking: a b panel of 384 x 16 floats (AVX2) is 24 KiB and stays in L1 while all a panels of the row block
// stream from L2. Slices inside of columns: what they add to, kMatmulColumnBlock columns of out, is still in the last cache. Storing a
// chain's value to out between slices and loading it again is exact, so slices do not show in the result. Packing absorbs all
// transposes; a transposed operand goes through registers in squares. op(a) is packed a tile at a time, so that its rows come from memory
// while the tile before is multiplied. A row-major op(a) is not packed where a tile has few rows and a block at
// most kInPlaceColumns columns: that would cost a tenth of the product.
// The rows of a block are dealt evenly over its tiles: 16 rows are 8 + 8, not 14 + 2, whose two rows would wait on latency.
#include "core/matmul.h"

#include "core/kernels/tile.h"

namespace parl::PARL_ISA {
namespace {

constexpr int64_t kDepth = kTileColumns <= 16 ? 384 : 256;
constexpr int64_t kRowBlock = 168;  // a multiple of every kTileRows
constexpr int64_t kInPlaceColumns = 128;
constexpr int64_t kInPlaceDepth = 128;

// Few rows: packed columns are used once or twice, so the block stays small enough for L1.
inline int64_t columnBlockFor(int64_t m) { return m <= 2 * kTileRows ? kTileColumns : kMatmulColumnBlock; }

inline int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }

// How many of the lanes of vector c lie inside a width.
inline int lanes(int width, int c) {
  const int left = width - c * kWidth;
  return left < 0 ? 0 : left < kWidth ? left : kWidth;
}

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

inline void packRows(const MatmulBlock& x, int64_t p0, int64_t depth, int64_t i0, int rows, float* packed) {
  const float* a = x.a + i0 * x.aRow + p0 * x.aDepth;
  if (x.aDepth == 1) {
    packTransposed(a, x.aRow, rows, depth, packed, rows);
  } else {
    // A whole vector is read where the next depth's rows lie behind it in memory; its surplus lanes are overwritten.
    const int64_t wholeReads = x.aDepth >= kWidth ? smaller(depth, x.k - p0 - 1) : 0;
    for (int64_t p = 0; p < wholeReads; ++p) store(packed + p * rows, load(a + p * x.aDepth));
    for (int64_t p = wholeReads; p < depth; ++p) store(packed + p * rows, loadPartial(a + p * x.aDepth, rows));
  }
}

// Asks for the next tile's rows while this one is multiplied: they are short pieces far apart, which the processor does not foresee.
inline void fetchRows(const float* p, int64_t row, int64_t rows, int64_t columns) {
  constexpr int64_t kLineFloats = 16;
  for (int64_t r = 0; r < rows; ++r) {
    for (int64_t c = 0; c < columns; c += kLineFloats) __builtin_prefetch(p + r * row + c);
  }
}

// a is packed [depth][R], or lies where it is: then a step is from row to row, or from depth to depth.
struct Tile {
  const float* a;
  int64_t aStep;
  bool isRowMajor;
  const float* b;
  float* out;
  int64_t outRow, depth;
  int width;  // columns of the tile, up to kTileColumns
  bool fromZero;

  template <int R>
  __attribute__((noinline)) void run() const {
    Vec acc[R][kTileVecs];
    if (fromZero) {
#pragma GCC unroll 16
      for (int r = 0; r < R; ++r) {
        for (int c = 0; c < kTileVecs; ++c) acc[r][c] = Vec{};
      }
    } else if (width == kTileColumns) {
#pragma GCC unroll 16
      for (int r = 0; r < R; ++r) {
        for (int c = 0; c < kTileVecs; ++c) acc[r][c] = load(out + r * outRow + c * kWidth);
      }
    } else {
#pragma GCC unroll 16
      for (int r = 0; r < R; ++r) {
        for (int c = 0; c < kTileVecs; ++c) acc[r][c] = loadPartial(out + r * outRow + c * kWidth, lanes(width, c));
      }
    }
    if (kRowsInPlace && isRowMajor) {
      multiplyRows<R, kTileVecs>(acc, depth, a, aStep, b, kTileColumns);
    } else {
      multiplyTile<R, kTileVecs>(acc, depth, a, aStep, b, kTileColumns);
    }
    if (width == kTileColumns) {
#pragma GCC unroll 16
      for (int r = 0; r < R; ++r) {
        for (int c = 0; c < kTileVecs; ++c) store(out + r * outRow + c * kWidth, acc[r][c]);
      }
    } else {
#pragma GCC unroll 16
      for (int r = 0; r < R; ++r) {
        for (int c = 0; c < kTileVecs; ++c) storePartial(out + r * outRow + c * kWidth, acc[r][c], lanes(width, c));
      }
    }
  }
};

template <typename T>
void packSlice(const T* elements, const MatmulBlock& x, const MatmulSlice& slice, int64_t begin, int64_t end, float* packed) {
  packColumns(elements, x, slice.p0, slice.depth, slice.j0 + begin, end - begin, packed + begin * slice.depth);
}

}  // namespace

MatmulBlocking matmulBlocking() { return {kDepth, kTileRows}; }

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
  const bool inPlace = columns <= kInPlaceColumns && (isRowMajor ? kRowsInPlace : depth <= kInPlaceDepth);
  const int64_t rowBlocks = (end - begin + kRowBlock - 1) / kRowBlock;
  for (int64_t rowBlock = 0; rowBlock < rowBlocks; ++rowBlock) {
    const int64_t first = begin + (end - begin) * rowBlock / rowBlocks;
    const int64_t rows = begin + (end - begin) * (rowBlock + 1) / rowBlocks - first;
    const int64_t tiles = (rows + kTileRows - 1) / kTileRows;
    int64_t start[kRowBlock / kTileRows + 2];  // of each tile; the divisions would cost a tenth of a shallow tile
    for (int64_t t = 0; t <= tiles; ++t) start[t] = rows * t / tiles;
    const float* a = x.a + first * x.aRow + p0 * x.aDepth;
    for (int64_t j = 0; j < columns; j += kTileColumns) {
      float* out = x.out + first * x.outRow + j0 + j;
      for (int64_t t = 0; t < tiles; ++t) {
        const int64_t own = start[t], ownRows = start[t + 1] - own;
        const bool isNew = j == 0 && !hasPackedRows;
        if (t + 1 < tiles) {
          const int64_t next = start[t + 1], count = start[t + 2] - next;
          if (isNew && isRowMajor) fetchRows(a + next * x.aRow, x.aRow, count, depth);
          fetchRows(out + next * x.outRow, x.outRow, count, kTileColumns);
        }
        // As it is needed, so that what comes from memory comes while the tile before is multiplied.
        if (!inPlace && isNew) packRows(x, p0, depth, first + own, static_cast<int>(ownRows), packedA + own * depth);
        const Tile tile{inPlace ? a + own * x.aRow : packedA + own * depth,
                        inPlace ? (isRowMajor ? x.aRow : x.aDepth) : ownRows,
                        inPlace && isRowMajor,
                        packedB + j * depth,
                        out + own * x.outRow,
                        x.outRow,
                        depth,
                        static_cast<int>(smaller(kTileColumns, columns - j)),
                        p0 == 0 && !x.accumulate};
        withRows(static_cast<int>(ownRows), tile);
      }
    }
  }
}

void matmulBlock(const MatmulBlock& x, float* scratch) {
  static_assert(kMatmulRowFloats >= kDepth * kRowBlock + 2 * kWidth && kMatmulColumnFloats >= kDepth * kMatmulColumnBlock);
  if (x.k == 0 && !x.accumulate) {
    for (int64_t i = 0; i < x.m; ++i) {
      for (int64_t j = 0; j < x.n; ++j) x.out[i * x.outRow + j] = 0.0f;
    }
  }
  float* packedB = scratch;
  float* packedA = scratch + kMatmulColumnFloats;
  const int64_t slices = (x.k + kDepth - 1) / kDepth;
  const int64_t columnBlock = columnBlockFor(x.m);
  for (int64_t j0 = 0; j0 < x.n; j0 += columnBlock) {
    const int64_t columns = smaller(columnBlock, x.n - j0);
    for (int64_t i = 0; i < slices; ++i) {
      const int64_t p0 = x.k * i / slices, depth = x.k * (i + 1) / slices - p0;
      // With one row block and one slice the packed rows are still there from the first column block.
      const MatmulSlice slice{p0, depth, j0, columns, x.m <= kRowBlock && slices == 1 && j0 > 0};
      packMatmulColumns(x, slice, 0, columns, packedB);
      multiplyMatmulRows(x, slice, 0, x.m, packedB, packedA);
    }
  }
}

}  // namespace parl::PARL_ISA
