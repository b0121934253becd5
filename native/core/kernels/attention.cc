// Causal attention, a block of query rows of one head (or of the heads of a group at one position) against all their keys.
//
// A tile of R rows (R as in tile.h):
//   pass 1: transpose the queries to [headDim][R]
//   pass 2: scores [R][keys] = scale * q k^T, a register tile of R rows x 2 (or 4) vectors of keys, 1 for the last few, over ascending d;
//           keys come in panels of 32 [headDim][32], so the vectors are contiguous on every ISA
//   pass 3: per row: max, e^(score - max), their sum (key j in lane j mod 2 kWidth)
//   pass 4: out = weights v, a register tile of R rows x 2 vectors of headDim over ascending keys, times 1 / sum. Keys that
//           all rows see come first; the triangle at the end adds to each row exactly the keys it sees (adding 0 * v
//           instead would let an Infinity of a later token into an earlier row).
//
// Why whole rows of scores and not an online softmax: a row of 4096 scores is 16 KiB, a tile of them 224 KiB, and stays in
// L2; the maximum is known before the first exponential, nothing is rescaled, and a row's bits depend on its keys only.
#include "core/attention.h"

#include "core/kernels/tile.h"
#include "core/matmul.h"

namespace parl::PARL_ISA {
namespace {

const float kMinusInfinity = -__builtin_inff();

// Whole panels and half a one: rows a power of two apart would share a set of the first cache.
inline int64_t scoreStride(int64_t keys) { return (keys + kKeyPanel - 1) / kKeyPanel * kKeyPanel + kKeyPanel / 2; }

// scores becomes e^(score - max) over the first `keys` entries; max and sum are returned.
inline void exponentials(float* scores, int64_t keys, float& max, float& sum) {
  Vec topEven = splat(kMinusInfinity), topOdd = topEven;
  const int64_t whole = keys / kWidth;
  const int lanes = static_cast<int>(keys - whole * kWidth);
  for (int64_t i = 0; i + 2 <= whole; i += 2) {
    topEven = vmax(load(scores + i * kWidth), topEven);
    topOdd = vmax(load(scores + (i + 1) * kWidth), topOdd);
  }
  if (whole % 2 == 1) topEven = vmax(load(scores + (whole - 1) * kWidth), topEven);
  if (lanes > 0) topOdd = vmax(loadPartial(scores + whole * kWidth, lanes, kMinusInfinity), topOdd);
  max = reduceMax(vmax(topEven, topOdd));

  Vec sums[2] = {};
  const Vec shift = splat(max);
  int64_t i = 0;
  for (; i + 2 <= whole; i += 2) {
    float* at = scores + i * kWidth;
    const Vec even = vexpBelow80(load(at) - shift), odd = vexpBelow80(load(at + kWidth) - shift);
    store(at, even);
    store(at + kWidth, odd);
    sums[0] += even;
    sums[1] += odd;
  }
  if (i < whole) {
    const Vec even = vexpBelow80(load(scores + i * kWidth) - shift);
    store(scores + i * kWidth, even);
    sums[0] += even;
  }
  if (lanes > 0) {
    const Vec last = vexpBelow80(loadPartial(scores + whole * kWidth, lanes, kMinusInfinity) - shift);
    store(scores + whole * kWidth, last);
    sums[whole % 2] += last;
  }
  sum = reduceAdd(sums[0] + sums[1]);
}

// Vectors of keys, or of dimensions, that a tile of R rows takes at once. A few rows alone have too few chains to hide the latency
// of a multiply-add: the heads of a group in a decoding step.
constexpr int kFewRows = 3;
template <int R>
constexpr int vectorsFor() {
  return kWidth == 8 && R <= kFewRows ? 4 : kTileVecs;
}

struct RowTile {
  const AttentionRows& x;
  int64_t first;  // row of x
  float* scratch;

  template <int R>
  __attribute__((noinline)) void run() const {
    const int64_t position = x.firstPosition + first * x.positionStep;
    const int64_t keys = position + (R - 1) * x.positionStep + 1;
    const int64_t stride = scoreStride(keys);
    float* queries = scratch;
    float* scores = queries + kAttentionRowTile * x.headDim + kWidth;
    const float scale = 1.0f / __builtin_sqrtf(static_cast<float>(x.headDim));

    const float* q = x.q + first * x.qStride;
    packTransposed(q, x.qStride, R, x.headDim, queries, R);
    constexpr int kVecs = vectorsFor<R>();
    int64_t j = 0;
    for (; j + (kVecs - 1) * kWidth < keys; j += kVecs * kWidth) score<R, kVecs>(j, queries, scores, stride, scale);
    for (; j < keys; j += kWidth) score<R, 1>(j, queries, scores, stride, scale);  // the last few

    float inverse[R];
    for (int r = 0; r < R; ++r) {
      float max, sum;
      exponentials(scores + r * stride, position + r * x.positionStep + 1, max, sum);
      inverse[r] = 1.0f / sum;
      if (x.lse != nullptr) {
        x.lse[(first + r) * x.lseStride] = static_cast<float>(static_cast<double>(max) + __builtin_log(static_cast<double>(sum)));
      }
    }
    int64_t d = 0;
    if constexpr (kVecs > 2) {
      for (; d + kVecs * kWidth <= x.headDim; d += kVecs * kWidth) values<R, kVecs, false>(position + 1, scores, stride, d, kWidth, inverse);
    }
    for (; d + 2 * kWidth <= x.headDim; d += 2 * kWidth) values<R, 2, false>(position + 1, scores, stride, d, kWidth, inverse);
    for (; d + kWidth <= x.headDim; d += kWidth) values<R, 1, false>(position + 1, scores, stride, d, kWidth, inverse);
    if (d < x.headDim) values<R, 1, true>(position + 1, scores, stride, d, static_cast<int>(x.headDim - d), inverse);
  }

  // NV vectors of keys from key j on.
  template <int R, int NV>
  __attribute__((always_inline)) inline void score(int64_t j, const float* queries, float* scores, int64_t stride, float scale) const {
    Vec acc[R][NV] = {};
    const float* panel = x.keyPanels + j / kKeyPanel * kKeyPanel * x.headDim + j % kKeyPanel;
    multiplyTile<R, NV>(acc, x.headDim, queries, R, panel, kKeyPanel);
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r) {
#pragma GCC unroll 8
      for (int c = 0; c < NV; ++c) store(scores + r * stride + j + c * kWidth, acc[r][c] * splat(scale));
    }
  }

  template <int R, int NV, bool Partial>
  __attribute__((noinline)) void values(int64_t common, const float* weights, int64_t stride, int64_t d, int lastLanes,
                                        const float* inverse) const {
    Vec acc[R][NV] = {};
    if constexpr (R > kFewRows) {
      TileFetch fetch;  // the rows that it will write
      fetch.add(x.out + first * x.outStride + d, x.outStride, R, NV * kWidth);
      multiplyRows<R, NV, Partial>(acc, common, weights, stride, x.values + d, x.valueStride, lastLanes, fetch);
    } else {
      multiplyRows<R, NV, Partial>(acc, common, weights, stride, x.values + d, x.valueStride, lastLanes);
    }
    if (x.positionStep != 0) {
#pragma GCC unroll 16
      for (int t = 1; t < R; ++t) {
        const int64_t key = common + t - 1;
        Vec columns[NV];
        loadColumns<NV, Partial>(columns, x.values + key * x.valueStride + d, lastLanes);
#pragma GCC unroll 16
        for (int r = t; r < R; ++r) {
#pragma GCC unroll 8
          for (int c = 0; c < NV; ++c) acc[r][c] = fma(splat(weights[r * stride + key]), columns[c], acc[r][c]);
        }
      }
    }
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r) {
      float* out = x.out + (first + r) * x.outStride + d;
#pragma GCC unroll 8
      for (int c = 0; c < NV; ++c) {
        const Vec y = acc[r][c] * splat(inverse[r]);
        if (Partial && c == NV - 1) {
          storePartial(out + c * kWidth, y, lastLanes);
        } else {
          store(out + c * kWidth, y);
        }
      }
    }
  }
};

}  // namespace

void attentionRows(const AttentionRows& rows, float* scratch) {
  const int64_t tiles = (rows.rows + kTileRows - 1) / kTileRows;
  for (int64_t t = 0; t < tiles; ++t) {
    const int64_t first = rows.rows * t / tiles;
    withRows(static_cast<int>(rows.rows * (t + 1) / tiles - first), RowTile{rows, first, scratch});
  }
}

void packKeyPanels(const float* k, int64_t keyStride, int64_t firstKey, int64_t count, int64_t headDim, float* panels) {
  for (int64_t i = 0; i < count;) {
    const int64_t key = firstKey + i, lane = key % kKeyPanel;
    float* panel = panels + (key - lane) * headDim + lane;
    if (lane % kWidth == 0 && count - i >= kWidth) {
      packTransposed(k + i * keyStride, keyStride, kWidth, headDim, panel, kKeyPanel);
      i += kWidth;
    } else {
      for (int64_t d = 0; d < headDim; ++d) panel[d * kKeyPanel] = k[i * keyStride + d];
      ++i;
    }
  }
}

}  // namespace parl::PARL_ISA
