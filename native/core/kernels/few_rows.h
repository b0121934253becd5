// out[m,n] (+)= a[m,k] b[n,k]^T of a few rows, without packing b.
#pragma once

#include "core/kernels/matmul_tile.h"
#include "core/matmul.h"

namespace parl::PARL_ISA {
namespace {

// Up to so many rows the columns are used as they are transposed (FewRows); more accumulators would not stay in registers.
constexpr int64_t kFewRows = kTileRows <= 6 ? kTileRows : 8;

// A few rows times columns that lie as rows in memory (transposed b): what decoding does with weights too many for a packed copy. Squares
// of b are transposed in registers and used at once. What comes kFetchSteps squares later is asked for: as streams
// columns are too many and too short for a processor to foresee.
template <typename T>  // of b
struct FewRows {
  const MatmulBlock& x;
  const T* b;
  const float* a;  // [k][R]

  static constexpr int kPointers = kWidth / 4;
  static constexpr int64_t kFetchSteps = 8;

  template <int R>
  __attribute__((noinline)) void run() const {
    int64_t j = 0;
    for (; j + kWidth <= x.n; j += kWidth) columns<R>(j, kWidth);
    if (j < x.n) columns<R>(j, static_cast<int>(x.n - j));
  }

  template <int R>
  __attribute__((always_inline)) inline void columns(int64_t j, int width) const {
    float* out = x.out + j;
    Vec acc[R];
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r) acc[r] = x.accumulate ? loadPartial(out + r * x.outRow, width) : Vec{};
    const int64_t row = x.bColumn;
    const T* first = b + j * row;
    int64_t p = 0;
    if (width == kWidth) {
      const T* group[kPointers];
#pragma GCC unroll 4
      for (int g = 0; g < kPointers; ++g) group[g] = first + 4 * g * row;
      for (; p + kWidth <= x.k; p += kWidth) {
        Vec square[kWidth];
        const int64_t later = p + kFetchSteps * kWidth, ahead = kFetchSteps * kWidth + (later < x.k ? 0 : kWidth * row - x.k);
#pragma GCC unroll 16
        for (int i = 0; i < kWidth; ++i) {
          square[i] = load(group[i / 4] + i % 4 * row);
          __builtin_prefetch(group[i / 4] + i % 4 * row + ahead);
        }
#pragma GCC unroll 4
        for (int g = 0; g < kPointers; ++g) {
          group[g] += kWidth;
          asm("" : "+r"(group[g]));  // else the compiler makes a pointer of every row
        }
        add<R>(acc, square, p, kWidth);
      }
    }
    for (; p < x.k; p += kWidth) {
      const int depth = static_cast<int>(smaller(kWidth, x.k - p));
      Vec square[kWidth];
      for (int i = 0; i < kWidth; ++i) square[i] = i < width ? loadPartial(first + i * row + p, depth) : Vec{};
      add<R>(acc, square, p, depth);
    }
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r) storePartial(out + r * x.outRow, acc[r], width);
  }

  template <int R>
  __attribute__((always_inline)) inline void add(Vec (&acc)[R], Vec (&square)[kWidth], int64_t p, int depth) const {
    transposeSquare(square);
    const float* values = a + p * R;
#pragma GCC unroll 16
    for (int q = 0; q < kWidth; ++q) {
      if (q >= depth) break;
#pragma GCC unroll 16
      for (int r = 0; r < R; ++r) acc[r] = fma(splat(values[q * R + r]), square[q], acc[r]);
    }
  }
};

}  // namespace
}  // namespace parl::PARL_ISA
