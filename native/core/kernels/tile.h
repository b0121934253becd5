// The register tile of a matrix product: R rows by NV vectors of columns, one accumulator vector each, over depth k.
//
// Every element is acc = fma(a, b, acc) over ascending k. AVX-512 has 32 registers: 14 rows x 2 vectors leave 4 for the
// operands; AVX2 and SSE have 16: 6 x 2 (4 x 2 portable, where a row block may not exceed a vector) leave 3 or more.
#pragma once

#include "core/kernels/vec.h"

namespace parl::PARL_ISA {
namespace {

#if PARL_VEC_WIDTH == 16
constexpr int kTileRows = 14;
#elif PARL_VEC_WIDTH == 8
constexpr int kTileRows = 6;
#else
constexpr int kTileRows = 4;
#endif
constexpr int kTileVecs = 2;
constexpr int kTileColumns = kTileVecs * kWidth;
static_assert(kTileRows <= kWidth, "packing a row block transposes it within one square of vectors");

// NV vectors of columns, the last one of `lastLanes` lanes when it is partial.
template <int NV, bool Partial>
__attribute__((always_inline)) inline void loadColumns(Vec (&columns)[NV], const float* b, int lastLanes) {
#pragma GCC unroll 8
  for (int c = 0; c < NV; ++c) {
    columns[c] = Partial && c == NV - 1 ? loadPartial(b + c * kWidth, lastLanes) : load(b + c * kWidth);
  }
}

// acc[c] += x columns[c] for row `row` of a tile. Every other row of AVX-512 is broadcast by the multiply-adds themselves, which saves an
// instruction and costs a load: with all of them loads are the limit, with none, where the core is shared with another, instructions.
template <int NV>
__attribute__((always_inline)) inline void addRow(Vec (&acc)[NV], const float& x, const Vec (&columns)[NV],
                                                  [[maybe_unused]] int row) {
#if PARL_VEC_WIDTH == 16 && defined(PARL_X86)
  if (row % 2 == 0) {
#pragma GCC unroll 8
    for (int c = 0; c < NV; ++c) asm("vfmadd231ps %2%{1to16%}, %1, %0" : "+v"(acc[c]) : "v"(columns[c]), "m"(x));
    return;
  }
#endif
  const Vec factor = splat(x);
#pragma GCC unroll 8
  for (int c = 0; c < NV; ++c) acc[c] = fma(factor, columns[c], acc[c]);
}

// What a tile asks of memory for the next ones while it multiplies: rectangles of rows `row` apart, `floats` floats each.
//
// Asked for at once, more than a dozen lines stop the processor until memory has sent some: products whose operands lie in memory took a third longer.
// With 28 multiply-adds to a step of depth there is room for a line with each of them. Short steps have none: there all is asked for at once.
struct NoFetch {
  void operator()() const {}
};
constexpr int64_t kFetchedFloats = 16;  // of a line

#if PARL_VEC_WIDTH == 16
constexpr bool kSpreadsFetches = true;
class TileFetch {
 public:
  // After what was asked for before, two rectangles at most.
  void add(const float* at, int64_t row, int64_t rows, int64_t floats) {
    if (rows <= 0 || floats <= 0) return;
    const int64_t lines = (floats + kFetchedFloats - 1) / kFetchedFloats;
    Rectangle& next = current_.left == 0 ? current_ : later_.left == 0 ? later_ : last_;
    next = {at, row - lines * kFetchedFloats, lines, lines, rows * lines};
  }
  __attribute__((always_inline)) void operator()() {
    if (current_.left == 0) return;
    __builtin_prefetch(current_.at);
    current_.at += kFetchedFloats;
    if (--current_.inRow == 0) {
      current_.inRow = current_.perRow;
      current_.at += current_.gap;
    }
    if (--current_.left == 0) {
      current_ = later_;
      later_ = last_;
      last_.left = 0;
    }
  }

 private:
  struct Rectangle {
    const float* at;
    int64_t gap, perRow, inRow, left;  // lines; gap in floats from the last line of a row to the first of the next
  };
  Rectangle current_{}, later_{}, last_{};
};
#else
constexpr bool kSpreadsFetches = false;
struct TileFetch : NoFetch {
  static void add(const float* at, int64_t row, int64_t rows, int64_t floats) {
    for (int64_t r = 0; r < rows; ++r) {
      for (int64_t c = 0; c < floats; c += kFetchedFloats) __builtin_prefetch(at + r * row + c);
    }
  }
};
#endif

// acc[r][c] continues its chain over p in [0, k): a[p * aStep + r] times b[p * bStep + c * kWidth ...].
template <int R, int NV, bool Partial = false, typename Fetch = NoFetch>
__attribute__((always_inline)) inline void multiplyTile(Vec (&acc)[R][NV], int64_t k, const float* a, int64_t aStep,
                                                        const float* b, int64_t bStep, int lastLanes = kWidth, Fetch fetch = {}) {
  // Four steps of depth at once: where the core is shared with another, fewer instructions beside the multiply-adds are a tenth of the time.
#pragma GCC unroll 4
  for (int64_t p = 0; p < k; ++p) {
    Vec columns[NV];
    loadColumns<NV, Partial>(columns, b, lastLanes);
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r) addRow(acc[r], a[r], columns, r);
    fetch();
    a += aStep;
    b += bStep;
  }
}

// The same with a row-major: a[r * aRow + p] times b[p * bStep + c * kWidth ...], for rows used too few times to pay for packing. A
// pointer for every three rows, since an address is a pointer plus nothing, once or twice a register: R pointers would not fit.
template <int R, int NV, bool Partial = false, typename Fetch = NoFetch>
__attribute__((always_inline)) inline void multiplyRows(Vec (&acc)[R][NV], int64_t k, const float* a, int64_t aRow,
                                                        const float* b, int64_t bStep, int lastLanes = kWidth, Fetch fetch = {}) {
  constexpr int kGroups = (R + 2) / 3;
  const float* group[kGroups];
#pragma GCC unroll 16
  for (int g = 0; g < kGroups; ++g) group[g] = a + 3 * g * aRow;
#pragma GCC unroll 4
  for (int64_t p = 0; p < k; ++p) {
    Vec columns[NV];
    loadColumns<NV, Partial>(columns, b, lastLanes);
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r) addRow(acc[r], group[r / 3][r % 3 * aRow], columns, r);
#pragma GCC unroll 16
    for (int g = 0; g < kGroups; ++g) {
      ++group[g];
      asm("" : "+r"(group[g]));  // else the compiler makes a pointer of every row again
    }
    fetch();
    b += bStep;
  }
}

// Calls f.template run<R>() for the run-time row count, 1 <= rows <= kTileRows.
template <typename F>
__attribute__((always_inline)) inline void withRows(int rows, F&& f) {
  switch (rows) {
    case 1: return f.template run<1>();
    case 2: return f.template run<2>();
    case 3: return f.template run<3>();
    case 4: return f.template run<4>();
#if PARL_VEC_WIDTH >= 8
    case 5: return f.template run<5>();
    case 6: return f.template run<6>();
#endif
#if PARL_VEC_WIDTH >= 16
    case 7: return f.template run<7>();
    case 8: return f.template run<8>();
    case 9: return f.template run<9>();
    case 10: return f.template run<10>();
    case 11: return f.template run<11>();
    case 12: return f.template run<12>();
    case 13: return f.template run<13>();
    case 14: return f.template run<14>();
#endif
    default: return;
  }
}

// Transposes a square of kWidth vectors in registers.
inline void transposeSquare(Vec (&v)[kWidth]) {
#if PARL_VEC_WIDTH == 16 && defined(PARL_X86)
  __m512 t[16];
#pragma GCC unroll 4
  for (int i = 0; i < 16; i += 4) {
    const __m512 a = (__m512)v[i], b = (__m512)v[i + 1], c = (__m512)v[i + 2], d = (__m512)v[i + 3];
    const __m512d ab0 = _mm512_castps_pd(_mm512_unpacklo_ps(a, b)), ab1 = _mm512_castps_pd(_mm512_unpackhi_ps(a, b));
    const __m512d cd0 = _mm512_castps_pd(_mm512_unpacklo_ps(c, d)), cd1 = _mm512_castps_pd(_mm512_unpackhi_ps(c, d));
    t[i] = _mm512_castpd_ps(_mm512_unpacklo_pd(ab0, cd0));
    t[i + 1] = _mm512_castpd_ps(_mm512_unpackhi_pd(ab0, cd0));
    t[i + 2] = _mm512_castpd_ps(_mm512_unpacklo_pd(ab1, cd1));
    t[i + 3] = _mm512_castpd_ps(_mm512_unpackhi_pd(ab1, cd1));
  }
  // t[4 g + j] holds, in its 128-bit lane l, column 4 l + j of rows 4 g .. 4 g + 3.
#pragma GCC unroll 4
  for (int j = 0; j < 4; ++j) {
    const __m512 x0 = _mm512_shuffle_f32x4(t[j], t[4 + j], 0x44), x1 = _mm512_shuffle_f32x4(t[j], t[4 + j], 0xEE);
    const __m512 y0 = _mm512_shuffle_f32x4(t[8 + j], t[12 + j], 0x44), y1 = _mm512_shuffle_f32x4(t[8 + j], t[12 + j], 0xEE);
    v[j] = (Vec)_mm512_shuffle_f32x4(x0, y0, 0x88);
    v[4 + j] = (Vec)_mm512_shuffle_f32x4(x0, y0, 0xDD);
    v[8 + j] = (Vec)_mm512_shuffle_f32x4(x1, y1, 0x88);
    v[12 + j] = (Vec)_mm512_shuffle_f32x4(x1, y1, 0xDD);
  }
#elif PARL_VEC_WIDTH == 8 && defined(PARL_X86)
  __m256 t[8];
#pragma GCC unroll 2
  for (int i = 0; i < 8; i += 4) {
    const __m256 a = (__m256)v[i], b = (__m256)v[i + 1], c = (__m256)v[i + 2], d = (__m256)v[i + 3];
    const __m256d ab0 = _mm256_castps_pd(_mm256_unpacklo_ps(a, b)), ab1 = _mm256_castps_pd(_mm256_unpackhi_ps(a, b));
    const __m256d cd0 = _mm256_castps_pd(_mm256_unpacklo_ps(c, d)), cd1 = _mm256_castps_pd(_mm256_unpackhi_ps(c, d));
    t[i] = _mm256_castpd_ps(_mm256_unpacklo_pd(ab0, cd0));
    t[i + 1] = _mm256_castpd_ps(_mm256_unpackhi_pd(ab0, cd0));
    t[i + 2] = _mm256_castpd_ps(_mm256_unpacklo_pd(ab1, cd1));
    t[i + 3] = _mm256_castpd_ps(_mm256_unpackhi_pd(ab1, cd1));
  }
#pragma GCC unroll 4
  for (int j = 0; j < 4; ++j) {
    v[j] = (Vec)_mm256_permute2f128_ps(t[j], t[4 + j], 0x20);
    v[4 + j] = (Vec)_mm256_permute2f128_ps(t[j], t[4 + j], 0x31);
  }
#else
  Vec t[kWidth];
  for (int i = 0; i < kWidth; ++i) {
    for (int j = 0; j < kWidth; ++j) t[j][i] = v[i][j];
  }
  for (int i = 0; i < kWidth; ++i) v[i] = t[i];
#endif
}

constexpr int64_t kFetchAhead = 64;  // floats of a row; as many rows as a vector has lanes are more streams than a processor foresees

// out[p * outStep + i] = x[i * rowStep + p] for i < rows <= kWidth, p < k. Each p is written as a whole vector: what lies
// behind the rows is zero there until the next p overwrites it, and out has kWidth floats of room behind the last one.
template <typename T>  // float, or Bf16, which is widened
inline void packTransposed(const T* x, int64_t rowStep, int rows, int64_t k, float* out, int64_t outStep) {
  Vec square[kWidth];
  int64_t p = 0;
  const auto put = [&](int depth) __attribute__((always_inline)) {
    transposeSquare(square);
    for (int j = 0; j < depth; ++j) store(out + (p + j) * outStep, square[j]);
  };
  if (rows == kWidth) {
    for (; p + kWidth <= k; p += kWidth) {
#pragma GCC unroll 16
      for (int i = 0; i < kWidth; ++i) {
        square[i] = load(x + i * rowStep + p);
        __builtin_prefetch(x + i * rowStep + p + kFetchAhead);
      }
      put(kWidth);
    }
  }
  for (; p + kWidth <= k; p += kWidth) {
    for (int i = 0; i < kWidth; ++i) square[i] = i < rows ? load(x + i * rowStep + p) : Vec{};
    put(kWidth);
  }
  if (p < k) {
    const int depth = static_cast<int>(k - p);
    for (int i = 0; i < kWidth; ++i) square[i] = i < rows ? loadPartial(x + i * rowStep + p, depth) : Vec{};
    put(depth);
  }
}

}  // namespace
}  // namespace parl::PARL_ISA
