// Gradient of causal attention for one key/value head of one segment; weights are recomputed from lse.
//
// For each query head of the group, for each block of kAttentionQueryBlock queries, with the keys they see:
//   pass 1: p = e^(scale q k^T - lse), zero where the key is behind the query
//   pass 2: dv += p^T dOut
//   pass 3: ds = scale p (dOut v^T - delta), delta = sum over d of dOut * out
//   pass 4: dk += ds^T q
//   pass 5: dq = ds k
// All products are matmulBlock. dk and dv add over heads, then over ascending queries; one thread owns them, so nothing
// races. Blocks lie at fixed places of the segment: neighbours in the batch change no bit.
#include "core/attention.h"
#include "core/kernels/vec.h"
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

inline void zeroFrom(float* row, int64_t from, int64_t to) {
  for (int64_t j = from; j < to; ++j) row[j] = 0.0f;
}

}  // namespace

void attentionGradient(const AttentionGradient& g, float* scratch, float* matmulScratch) {
  const float scale = 1.0f / __builtin_sqrtf(static_cast<float>(g.headDim));
  for (int64_t j = 0; j < g.length; ++j) {
    zeroFrom(g.dk + j * g.kvStride, 0, g.headDim);
    zeroFrom(g.dv + j * g.kvStride, 0, g.headDim);
  }
  for (int64_t head = 0; head < g.groupHeads; ++head) {
    for (int64_t first = 0; first < g.length; first += kAttentionQueryBlock) {
      const int64_t queries = g.length - first < kAttentionQueryBlock ? g.length - first : kAttentionQueryBlock;
      const int64_t keys = first + queries, stride = (keys + kWidth - 1) / kWidth * kWidth;
      float* p = scratch;
      float* ds = scratch + queries * stride;
      const int64_t at = first * g.qStride + head * g.headDim;
      const float *q = g.q + at, *out = g.out + at, *dOut = g.dOut + at;
      const float* lse = g.lse + first * g.lseStride + head;

      matmulBlock({q, g.qStride, 1, g.k, 1, g.kvStride, p, stride, queries, keys, g.headDim, false}, matmulScratch);
      matmulBlock({dOut, g.qStride, 1, g.v, 1, g.kvStride, ds, stride, queries, keys, g.headDim, false}, matmulScratch);
      for (int64_t r = 0; r < queries; ++r) {
        float *pRow = p + r * stride, *dsRow = ds + r * stride;
        const int64_t seen = first + r + 1;
        const Vec shift = splat(-lse[r * g.lseStride]);
        const Vec delta = splat(dotRow(dOut + r * g.qStride, out + r * g.qStride, g.headDim));
        for (int64_t j = 0; j < seen; j += kWidth) {
          const Vec weight = vexp(fma(load(pRow + j), splat(scale), shift));
          store(pRow + j, weight);
          store(dsRow + j, weight * (load(dsRow + j) - delta) * splat(scale));
        }
        zeroFrom(pRow, seen, keys);
        zeroFrom(dsRow, seen, keys);
      }
      matmulBlock({p, 1, stride, dOut, g.qStride, 1, g.dv, g.kvStride, keys, g.headDim, queries, true}, matmulScratch);
      matmulBlock({ds, 1, stride, q, g.qStride, 1, g.dk, g.kvStride, keys, g.headDim, queries, true}, matmulScratch);
      matmulBlock({ds, stride, 1, g.k, g.kvStride, 1, g.dq + at, g.qStride, queries, g.headDim, keys, false}, matmulScratch);
    }
  }
}

}  // namespace parl::PARL_ISA
