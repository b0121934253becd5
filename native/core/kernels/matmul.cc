// out[m,n] (+)= op(a)[m,k] op(b)[k,n], one rectangle on one thread.
//
//   for each slice of depth (kDepth), for each block of columns (kColumnBlock):
//     pass 1: pack op(b) into panels [kDepth][kTileColumns], columns behind n as zeros
//     for each block of rows (kRowBlock):
//       pass 2: pack op(a) into panels [kDepth][rows of the tile]
//       pass 3: for each b panel, for each a panel: load the tile of out (zeros at the first slice), continue its chains
//               over the slice, store it
//
// Why this blocking: a b panel of 256 x 32 floats is 32 KiB and stays in L1 while all a panels of the row block
// (256 x 168 floats, 168 KiB) stream from L2. Storing a chain's value to out between slices and loading it again is exact,
// so slices do not show in the result. Packing absorbs all transposes; a transposed operand goes through registers in squares.
// The rows of a block are dealt evenly over its tiles: 16 rows are 8 + 8, not 14 + 2, whose two rows would wait on latency.
#include "core/matmul.h"

#include "core/kernels/tile.h"

namespace parl::PARL_ISA {
namespace {

constexpr int64_t kDepth = 256;
constexpr int64_t kRowBlock = 168;  // a multiple of every kTileRows
constexpr int64_t kColumnBlock = 1024;

// Few rows: packed columns are used once or twice, so the block stays small enough for L1.
inline int64_t columnBlockFor(int64_t m) { return m <= 2 * kTileRows ? kTileColumns : kColumnBlock; }

inline int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }

// How many of the lanes of vector c lie inside a width.
inline int lanes(int width, int c) {
  const int left = width - c * kWidth;
  return left < 0 ? 0 : left < kWidth ? left : kWidth;
}

void packColumns(const MatmulBlock& x, int64_t p0, int64_t depth, int64_t j0, int64_t columns, float* packed) {
  for (int64_t j = 0; j < columns; j += kTileColumns, packed += depth * kTileColumns) {
    const float* b = x.b + p0 * x.bDepth + (j0 + j) * x.bColumn;
    const int width = static_cast<int>(smaller(kTileColumns, columns - j));
    if (x.bColumn == 1) {
      for (int64_t p = 0; p < depth; ++p) {
        const float* row = b + p * x.bDepth;
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

struct Tile {
  const float* a;
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
    multiplyTile<R, kTileVecs>(acc, depth, a, R, b, kTileColumns);
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

}  // namespace

void matmulBlock(const MatmulBlock& x, float* scratch) {
  static_assert(kMatmulScratchFloats >= kDepth * kRowBlock + kDepth * kColumnBlock + 2 * kWidth);
  if (x.k == 0 && !x.accumulate) {
    for (int64_t i = 0; i < x.m; ++i) {
      for (int64_t j = 0; j < x.n; ++j) x.out[i * x.outRow + j] = 0.0f;
    }
  }
  float* packedB = scratch;
  float* packedA = scratch + kDepth * kColumnBlock;
  const int64_t slices = (x.k + kDepth - 1) / kDepth;
  const int64_t rowBlocks = (x.m + kRowBlock - 1) / kRowBlock;
  const int64_t columnBlock = columnBlockFor(x.m);
  for (int64_t slice = 0; slice < slices; ++slice) {
    const int64_t p0 = x.k * slice / slices, depth = x.k * (slice + 1) / slices - p0;
    for (int64_t j0 = 0; j0 < x.n; j0 += columnBlock) {
      const int64_t columns = smaller(columnBlock, x.n - j0);
      packColumns(x, p0, depth, j0, columns, packedB);
      for (int64_t rowBlock = 0; rowBlock < rowBlocks; ++rowBlock) {
        const int64_t first = x.m * rowBlock / rowBlocks, rows = x.m * (rowBlock + 1) / rowBlocks - first;
        const int64_t tiles = (rows + kTileRows - 1) / kTileRows;
        // With one row block and several column blocks the packed rows are still there from the first one.
        if (rowBlocks > 1 || j0 == 0) {
          for (int64_t t = 0; t < tiles; ++t) {
            const int64_t i = rows * t / tiles;
            packRows(x, p0, depth, first + i, static_cast<int>(rows * (t + 1) / tiles - i), packedA + i * depth);
          }
        }
        for (int64_t j = 0; j < columns; j += kTileColumns) {
          for (int64_t t = 0; t < tiles; ++t) {
            const int64_t i = rows * t / tiles;
            const Tile tile{packedA + i * depth,
                            packedB + j * depth,
                            x.out + (first + i) * x.outRow + j0 + j,
                            x.outRow,
                            depth,
                            static_cast<int>(smaller(kTileColumns, columns - j)),
                            slice == 0 && !x.accumulate};
            withRows(static_cast<int>(rows * (t + 1) / tiles - i), tile);
          }
        }
      }
    }
  }
}

}  // namespace parl::PARL_ISA
