// Causal grouped-query attention over packed segments, and over the key/value cache of decoding.
//
// For a query at position t of its segment, with scale = 1 / sqrt(headDim):
//   score[j] = scale * (chain of fma over ascending d of q[d] k[j][d])      j = 0..t
//   weight[j] = e^(score[j] - max)
//   out[d] = (chain of fma over ascending j of weight[j] v[j][d]) / sum, lse = max + log(sum)
// The sum's order is fixed by the key's index in its segment. So a row's bits do not depend on which other queries are
// computed with it: a decoding step over cached keys gives what training gives for the whole segment.
// Query head h reads key/value head h / (numHeads / numKvHeads).
#pragma once

#include <cstdint>

#include "core/isa.h"

namespace parl {

struct AttentionShape {
  int64_t numHeads, numKvHeads, headDim;  // numHeads a multiple of numKvHeads
};

// Training: rows of all segments behind each other. A segment continues its parent: its rows see all rows of its ancestors, then their own
// up to themselves, at the positions that follow. So sequences that begin alike share the rows of what they have in common, and
// each row has the bits it has where its sequence stands alone.
struct Segments {
  const int32_t* offsets;            // [count + 1]: rows offsets[s] .. offsets[s+1] are segment s; offsets[0] = 0, ascending, the last one n
  int64_t count;
  const int32_t* parents = nullptr;  // [count]: parents[s] < s, or -1 for none; null: none has one
};
//   q, out [n, numHeads, headDim]; k, v [n, numKvHeads, headDim]; lse [n, numHeads], may be null
void attentionForward(const float* q, const float* k, const float* v, const Segments& segments, float* out, float* lse,
                      const AttentionShape& shape);

// dq, dk, dv are overwritten; none may be an input. Weights are recomputed from lse. What comes to a row from segments that continue its own is
// added in their order.
void attentionBackward(const float* dOut, const float* q, const float* k, const float* v, const float* out, const float* lse,
                       const Segments& segments, float* dq, float* dk, float* dv, const AttentionShape& shape);

// ---- decoding ------------------------------------------------------------------------------------------------------

// Keys are read in panels of kKeyPanel keys, [panel][headDim][kKeyPanel], so that a vector holds one dimension of
// neighbouring keys. A cache keeps them this way and appends; slots of keys not yet written may hold anything.
constexpr int64_t kKeyPanel = 32;
inline int64_t keyPanelFloats(int64_t keys, int64_t headDim) {
  return (keys + kKeyPanel - 1) / kKeyPanel * kKeyPanel * headDim;
}
// Writes keys firstKey .. firstKey + count of one head: k[i * keyStride + d] is dimension d of key firstKey + i.
void packKeys(const float* k, int64_t keyStride, int64_t firstKey, int64_t count, int64_t headDim, float* panels);

// New queries of one sequence against its cache, which already holds their own keys and values.
struct AttentionSegment {
  const float* q;  // [queries, numHeads, headDim]
  float* out;      // [queries, numHeads, headDim]
  float* lse;      // [queries, numHeads], or null
  int64_t queries;
  int64_t firstPosition;     // query r sees keys 0 .. firstPosition + r
  const float* keyPanels;    // head h at keyPanels + h * keyHeadStride, laid out as packKeys does
  int64_t keyHeadStride;
  const float* values;       // key j of head h at values + h * valueHeadStride + j * valueKeyStride, [headDim]
  int64_t valueHeadStride, valueKeyStride;
};
// Prefill (many queries) and decoding steps (one query each) of a batch of sequences.
void attentionSegments(const AttentionSegment* segments, int64_t count, const AttentionShape& shape);

// ---- kernels -------------------------------------------------------------------------------------------------------

// Query rows of one head (positionStep 1) or of several heads at one position (positionStep 0).
struct AttentionRows {
  const float* q;
  int64_t qStride;
  float* out;
  int64_t outStride;
  float* lse;  // or null
  int64_t lseStride;
  int64_t rows, firstPosition, positionStep;
  const float* keyPanels;
  const float* values;
  int64_t valueStride, headDim;
};
constexpr int64_t kAttentionRowTile = 16;  // no ISA takes more rows at a time
inline int64_t attentionRowsScratch(int64_t keys, int64_t headDim) {
  return kAttentionRowTile * (headDim + keys + 2 * kKeyPanel) + kKeyPanel;
}
PARL_KERNEL(void, attentionRows, (const AttentionRows& rows, float* scratch))
PARL_KERNEL(void, packKeyPanels,
            (const float* k, int64_t keyStride, int64_t firstKey, int64_t count, int64_t headDim, float* panels))

// The gradient of one key/value head of one segment. Queries are its own rows; keys are those of its ancestors, then its own.
struct AttentionGradient {
  const float *dOut, *q, *out, *lse;                // at the segment's first row and the head's first query head
  const float* k;                                   // at the first key and the kv head
  const float *keyPanels, *valuePanels;             // of all keys, both laid out as packKeys does
  float *dq, *dk, *dv;                              // dk, dv: of all keys
  int64_t length, firstPosition;                    // queries; keys before the segment's own
  int64_t groupHeads, qStride, kvStride, lseStride, headDim;
};
constexpr int64_t kAttentionQueryBlock = 128;
// Floats of a row of weights: whole panels and half a one, as rows whole pages apart would share a set of the first cache.
inline int64_t attentionGradientRow(int64_t keys) { return (keys + kKeyPanel - 1) / kKeyPanel * kKeyPanel + kKeyPanel / 2; }
inline int64_t attentionGradientScratch(int64_t keys) { return kAttentionQueryBlock * 2 * attentionGradientRow(keys); }
PARL_KERNEL(void, attentionGradient, (const AttentionGradient& gradient, float* scratch, float* matmulScratch))

}  // namespace parl
