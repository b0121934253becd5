// One register tile of a matrix product: what blocks (matmul.cc) and strips (matmul_strips.cc) are made of.
#pragma once

#include "core/kernels/tile.h"

namespace parl::PARL_ISA {
namespace {

constexpr int64_t kDepth = 576;  // steps that a tile takes at a time: a panel of so many stays in the first cache, mostly

inline int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }

// How many of the lanes of vector c lie inside a width.
inline int lanes(int width, int c) {
  const int left = width - c * kWidth;
  return left < 0 ? 0 : left < kWidth ? left : kWidth;
}

// a is packed [depth][R], or lies where it is: then a step is from row to row, or from depth to depth.
struct Tile {
  const float* a;
  int64_t aStep;
  bool isReadByRows;
  const float* b;
  int64_t bStep;
  float* out;
  int64_t outRow, depth;
  int width;  // columns of the tile, up to kTileColumns
  bool fromZero;
  [[no_unique_address]] TileFetch fetch;  // for the next tiles

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
    if (isReadByRows) {
      multiplyRows<R, kTileVecs>(acc, depth, a, aStep, b, bStep, kWidth, fetch);
    } else {
      multiplyTile<R, kTileVecs>(acc, depth, a, aStep, b, bStep, kWidth, fetch);
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

}  // namespace
}  // namespace parl::PARL_ISA
