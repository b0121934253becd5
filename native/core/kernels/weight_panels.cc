// out = x weight^T over packed panels: for each block of rows, pack x into tiles [k][rows]; for each group of panels, for
// each tile of rows: run its chains over the whole depth in registers, store them.
//
// A chain is acc = fma(x, w, acc) over ascending k from 0, or from what out holds, as in matmul.cc. A tile of one or two rows takes several panels
// at once: eight chains or more are needed to hide the latency of an fma. While it multiplies a tile asks for the lines that it will write, a row with each
// of its first steps: stores that had to wait for them would fill their queue, a fourteenth of the time where they come from the last cache or from memory.
#include "core/weight_panels.h"

#include "core/kernels/tile.h"

namespace parl::PARL_ISA {
namespace {

constexpr int kPanelVecs = static_cast<int>(kPanelColumns) / kWidth;

// Vectors of one panel, and panels, that a tile of R rows takes at once.
template <int R>
constexpr int vectorsFor() {
#if PARL_VEC_WIDTH == 16
  return 2;
#elif PARL_VEC_WIDTH == 8
  return R <= 2 ? 4 : 2;
#else
  return R == 1 ? 8 : 2;
#endif
}
template <int R>
constexpr int panelsFor() {
#if PARL_VEC_WIDTH == 16
  return R <= 2 ? 4 : R <= 4 ? 2 : 1;
#elif PARL_VEC_WIDTH == 8
  return R == 1 ? 2 : 1;
#else
  return 1;
#endif
}

struct PanelTile {
  const float* x;  // [k][R]
  const float* panels;
  float* out;
  int64_t outRow, n, k;
  bool accumulate;

  // Of vector c of some panels from column j on, where a tile takes kVecs of each, from vector `sub` on.
  template <int kVecs>
  static int64_t columnOf(int64_t j, int sub, int c) {
    return j + c / kVecs * kPanelColumns + (sub + c % kVecs) * kWidth;
  }

  // P neighbouring panels from column j on.
  template <int R, int P>
  __attribute__((always_inline)) inline void columns(int64_t j) const {
    constexpr int kVecs = vectorsFor<R>();
    for (int sub = 0; sub < kPanelVecs; sub += kVecs) {
      Vec acc[R][P * kVecs];
#pragma GCC unroll 16
      for (int r = 0; r < R; ++r) {
#pragma GCC unroll 8
        for (int c = 0; c < P * kVecs; ++c) acc[r][c] = Vec{};
      }
      if (accumulate) {
#pragma GCC unroll 8
        for (int c = 0; c < P * kVecs; ++c) {
          const int64_t column = columnOf<kVecs>(j, sub, c), left = n - column;
          if (left >= kWidth) {
#pragma GCC unroll 16
            for (int r = 0; r < R; ++r) acc[r][c] = load(out + r * outRow + column);
          } else if (left > 0) {
#pragma GCC unroll 16
            for (int r = 0; r < R; ++r) acc[r][c] = loadPartial(out + r * outRow + column, static_cast<int>(left));
          }
        }
      }
      const float* b = panels + j * k + sub * kWidth;
      const float* row = x;
      const auto step = [&]() __attribute__((always_inline)) {
        Vec w[P * kVecs];
#pragma GCC unroll 8
        for (int c = 0; c < P * kVecs; ++c) w[c] = load(b + c / kVecs * kPanelColumns * k + c % kVecs * kWidth);
#pragma GCC unroll 16
        for (int r = 0; r < R; ++r) {
          const Vec value = splat(row[r]);
#pragma GCC unroll 8
          for (int c = 0; c < P * kVecs; ++c) acc[r][c] = fma(value, w[c], acc[r][c]);
        }
        row += R;
        b += kPanelColumns;
      };
      int64_t p = 0;
      const float* place = out + j + sub * kWidth;
      for (; p < R && p < k; ++p, place += outRow) {
        for (int c = 0; c < P * kVecs * kWidth; c += kFetchedFloats) __builtin_prefetch(place + c, 1);
        step();
      }
#pragma GCC unroll 4
      for (; p < k; ++p) step();
#pragma GCC unroll 8
      for (int c = 0; c < P * kVecs; ++c) {
        const int64_t column = columnOf<kVecs>(j, sub, c), left = n - column;
        if (left >= kWidth) {
#pragma GCC unroll 16
          for (int r = 0; r < R; ++r) store(out + r * outRow + column, acc[r][c]);
        } else if (left > 0) {
#pragma GCC unroll 16
          for (int r = 0; r < R; ++r) storePartial(out + r * outRow + column, acc[r][c], static_cast<int>(left));
        }
      }
    }
  }

  // All columns [begin, end), whole panels but for the last one of the matrix.
  template <int R>
  __attribute__((noinline)) void run(int64_t begin, int64_t end) const {
    constexpr int64_t kGroup = panelsFor<R>() * kPanelColumns;
    int64_t j = begin;
    for (; j + kGroup <= end; j += kGroup) columns<R, panelsFor<R>()>(j);
    for (; j < end; j += kPanelColumns) columns<R, 1>(j);
  }
};

// Calls of PanelTile::run with the columns bound.
struct PanelRange {
  const PanelTile& tile;
  int64_t begin, end;
  template <int R>
  void run() const {
    tile.run<R>(begin, end);
  }
};

template <typename T>
void packPanels(const T* weight, int64_t n, int64_t k, float* panels) {
  for (int64_t j = 0; j < n; j += kPanelColumns) {
    float* panel = panels + j * k;
    for (int c = 0; c < kPanelVecs; ++c) {
      const int64_t left = n - j - c * kWidth;
      const int rows = left < 0 ? 0 : left < kWidth ? static_cast<int>(left) : kWidth;
      packTransposed(weight + (j + c * kWidth) * k, k, rows, k, panel + c * kWidth, kPanelColumns);
    }
  }
}

}  // namespace

void packWeightPanels(const float* weight, int64_t n, int64_t k, float* panels) { packPanels(weight, n, k, panels); }
void packHalfWeightPanels(const Bf16* weight, int64_t n, int64_t k, float* panels) { packPanels(weight, n, k, panels); }

void multiplyPanelRows(const PanelProduct& x, float* scratch) {
  // Of a weight panel and the packed rows, what is used again sooner stays in the first cache: groups of panels outside.
  constexpr int64_t kColumnsAtOnce = 4 * kPanelColumns;
  for (int64_t first = 0; first < x.m; first += kPanelRowBlock) {
    const int64_t rows = x.m - first < kPanelRowBlock ? x.m - first : kPanelRowBlock;
    const int64_t tiles = (rows + kTileRows - 1) / kTileRows;
    int64_t start[kPanelRowBlock / kTileRows + 2];  // of each tile
    for (int64_t t = 0; t <= tiles; ++t) start[t] = rows * t / tiles;
    if (!x.hasPackedRows) {
      for (int64_t t = 0; t < tiles; ++t) {
        const int64_t count = start[t + 1] - start[t];
        packTransposed(x.x + (first + start[t]) * x.k, x.k, static_cast<int>(count), x.k, scratch + start[t] * x.k, count);
      }
    }
    for (int64_t j = 0; j < x.n; j += kColumnsAtOnce) {
      const int64_t end = x.n - j < kColumnsAtOnce ? x.n : j + kColumnsAtOnce;
      for (int64_t t = 0; t < tiles; ++t) {
        const int64_t i = start[t];
        const PanelTile tile{scratch + i * x.k, x.panels, x.out + (first + i) * x.outRow, x.outRow, x.n, x.k, x.accumulate};
        withRows(static_cast<int>(start[t + 1] - i), PanelRange{tile, j, end});
      }
    }
  }
}

}  // namespace parl::PARL_ISA
