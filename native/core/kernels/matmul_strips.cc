// out[m,n] (+)= op(a)[m,k] op(b)[k,n] where op(b), a weight, comes from memory for a few hundred rows: strips of kMatmulStripColumns columns.
//
//   once, by all threads: pack op(a) into tiles [k][rows of the tile]
//   each thread, for each of its strips, for each slice of depth (kDepth):
//     pass 1: pack the strip's op(b) into panels [depth][kTileColumns]
//     pass 2: for each tile of rows, for each panel: continue its chains over the slice, and ask for a share of the next slice
//
// Why not the blocks of matmul.cc: such a weight is packed and used once. Threads that pack a block of it together, and then multiply together, wait
// for memory in the first pass and for each other behind both. Here a thread waits for none, and on AVX-512 the tiles of a slice have asked for what
// the next one is packed from; narrower vectors leave that to the processor.
#include "core/kernels/matmul_tile.h"
#include "core/matmul.h"

namespace parl::PARL_ISA {
namespace {

// Asks for a share of what a slice is packed from: of its columns where those lie as rows, else of its depth.
template <typename T>
void fetchShare(const T* elements, const MatmulBlock& x, const MatmulSlice& slice, int64_t run, int64_t runs, TileFetch& fetch) {
  constexpr int64_t kPerFloat = sizeof(float) / sizeof(T);
  const bool isByColumns = x.bColumn != 1;
  const int64_t count = isByColumns ? slice.columns : slice.depth, length = isByColumns ? slice.depth : slice.columns;
  const int64_t step = isByColumns ? x.bColumn : x.bDepth, from = count * run / runs, to = count * (run + 1) / runs;
  const T* const at = elements + slice.p0 * x.bDepth + slice.j0 * x.bColumn + from * step;
  fetch.add(reinterpret_cast<const float*>(at), step / kPerFloat, to - from, (length + kPerFloat - 1) / kPerFloat);
}
void fetchColumns(const MatmulBlock& x, const MatmulSlice& slice, int64_t run, int64_t runs, TileFetch& fetch) {
  if (x.bHalves != nullptr) {
    fetchShare(x.bHalves, x, slice, run, runs, fetch);
  } else {
    fetchShare(x.b, x, slice, run, runs, fetch);
  }
}

}  // namespace

int64_t matmulTileFloats(int64_t k) { return k * kTileRows + kWidth; }

void packMatmulTiles(const MatmulBlock& x, int64_t begin, int64_t end, float* packedA) {
  const int64_t tiles = (x.m + kTileRows - 1) / kTileRows, tileFloats = matmulTileFloats(x.k);
  const auto startOf = [&](int64_t t) { return x.m * t / tiles; };
  if (x.aDepth == 1) {
    for (int64_t t = begin; t < end; ++t) {
      const int64_t first = startOf(t), rows = startOf(t + 1) - first;
      packTransposed(x.a + first * x.aRow, x.aRow, static_cast<int>(rows), x.k, packedA + t * tileFloats, rows);
    }
    return;
  }
  for (int64_t p = 0; p < x.k; ++p) {
    for (int64_t t = begin; t < end; ++t) {
      const auto first = startOf(t), rows = startOf(t + 1) - first;
      storePartial(packedA + t * tileFloats + p * rows, loadPartial(x.a + p * x.aDepth + first, static_cast<int>(rows)), static_cast<int>(rows));
    }
  }
}

void multiplyMatmulStrips(const MatmulBlock& x, int64_t begin, int64_t end, const float* packedA, float* packedB) {
  const int64_t tiles = (x.m + kTileRows - 1) / kTileRows, tileFloats = matmulTileFloats(x.k);
  const int64_t strips = (end - begin + kMatmulStripColumns - 1) / kMatmulStripColumns, slices = (x.k + kDepth - 1) / kDepth;
  const auto sliceAt = [&](int64_t i) -> MatmulSlice {
    const int64_t j = begin + i / slices * kMatmulStripColumns, p0 = x.k * (i % slices) / slices, p1 = x.k * (i % slices + 1) / slices;
    return {p0, p1 - p0, j, smaller(kMatmulStripColumns, end - j), false};
  };
  for (int64_t i = 0; i < strips * slices; ++i) {
    const MatmulSlice slice = sliceAt(i), next = i + 1 < strips * slices ? sliceAt(i + 1) : MatmulSlice{};
    packMatmulColumns(x, slice, 0, slice.columns, packedB);
    const int64_t panels = (slice.columns + kTileColumns - 1) / kTileColumns, runs = tiles * panels;
    for (int64_t t = 0; t < tiles; ++t) {
      const int64_t first = x.m * t / tiles, rows = x.m * (t + 1) / tiles - first;
      float* out = x.out + first * x.outRow + slice.j0;
      for (int64_t panel = 0; panel < panels; ++panel) {
        Tile tile{};
        if (panel + 1 < panels) {
          tile.fetch.add(out + (panel + 1) * kTileColumns, x.outRow, rows, kTileColumns);
        } else if (t + 1 < tiles) {
          tile.fetch.add(out + rows * x.outRow, x.outRow, x.m * (t + 2) / tiles - first - rows, kTileColumns);
        }
        if (kSpreadsFetches) {
          const int64_t run = t * panels + panel;
          fetchColumns(x, next, run, runs, tile.fetch);
          // The next tile's rows, which are one run of memory.
          const float* const later = t + 1 < tiles ? packedA + (t + 1) * tileFloats + slice.p0 * rows : packedA + next.p0 * (x.m / tiles);
          const int64_t count = rows * (t + 1 < tiles ? slice.depth : next.depth), from = count * panel / panels;
          tile.fetch.add(later + from, 0, 1, count * (panel + 1) / panels - from);
        }
        tile.a = packedA + t * tileFloats + slice.p0 * rows;
        tile.aStep = rows;
        tile.b = packedB + panel * kTileColumns * slice.depth;
        tile.bStep = kTileColumns;
        tile.out = out + panel * kTileColumns;
        tile.outRow = x.outRow;
        tile.depth = slice.depth;
        tile.width = static_cast<int>(smaller(kTileColumns, slice.columns - panel * kTileColumns));
        tile.fromZero = slice.p0 == 0 && !x.accumulate;
        withRows(static_cast<int>(rows), tile);
      }
    }
  }
}

}  // namespace parl::PARL_ISA
