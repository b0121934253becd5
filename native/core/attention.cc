#include "core/attention.h"

#include <algorithm>
#include <vector>

#include "core/matmul.h"
#include "core/scratch.h"
#include "core/thread_pool.h"

namespace parl {
namespace {

// One thread's unit of forward work: some queries of one segment, all query heads of one key/value head.
struct Task {
  int64_t segment, kvHead, firstQuery, lastQuery;
};
constexpr int64_t kQueriesPerTask = 128;

// Later queries see more keys; taking blocks from both ends in turn gives every contiguous share of tasks alike work.
void addTasks(std::vector<Task>& tasks, int64_t segment, int64_t kvHead, int64_t queries) {
  const int64_t blocks = (queries + kQueriesPerTask - 1) / kQueriesPerTask;
  for (int64_t i = 0; i < blocks; ++i) {
    const int64_t block = i % 2 == 0 ? i / 2 : blocks - 1 - i / 2;
    tasks.push_back({segment, kvHead, queries * block / blocks, queries * (block + 1) / blocks});
  }
}

}  // namespace

void packKeys(const float* k, int64_t keyStride, int64_t firstKey, int64_t count, int64_t headDim, float* panels) {
  PARL_DISPATCH(packKeyPanels)(k, keyStride, firstKey, count, headDim, panels);
}

void attentionForward(const float* q, const float* k, const float* v, const int32_t* offsets, int64_t segments,
                      float* out, float* lse, const AttentionShape& s) {
  const int64_t group = s.numHeads / s.numKvHeads, d = s.headDim;
  const int64_t qStride = s.numHeads * d, kvStride = s.numKvHeads * d;
  std::vector<Task> tasks;
  for (int64_t segment = 0; segment < segments; ++segment) {
    for (int64_t h = 0; h < s.numKvHeads; ++h) addTasks(tasks, segment, h, offsets[segment + 1] - offsets[segment]);
  }
  parallelFor(static_cast<int64_t>(tasks.size()), 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const Task& task = tasks[static_cast<size_t>(i)];
      const int64_t keys = task.lastQuery, start = offsets[task.segment], row = start + task.firstQuery;
      Scratch panels(keyPanelFloats(keys, d)), scratch(attentionRowsScratch(keys, d));
      const float* key = k + start * kvStride + task.kvHead * d;
      PARL_DISPATCH(packKeyPanels)(key, kvStride, 0, keys, d, panels.data());
      for (int64_t head = task.kvHead * group; head < (task.kvHead + 1) * group; ++head) {
        PARL_DISPATCH(attentionRows)
        ({q + row * qStride + head * d, qStride, out + row * qStride + head * d, qStride, lse + row * s.numHeads + head,
          s.numHeads, task.lastQuery - task.firstQuery, task.firstQuery, 1, panels.data(),
          v + start * kvStride + task.kvHead * d, kvStride, d},
         scratch.data());
      }
    }
  });
}

void attentionBackward(const float* dOut, const float* q, const float* k, const float* v, const float* out,
                       const float* lse, const int32_t* offsets, int64_t segments, float* dq, float* dk, float* dv,
                       const AttentionShape& s) {
  const int64_t group = s.numHeads / s.numKvHeads, d = s.headDim;
  const int64_t qStride = s.numHeads * d, kvStride = s.numKvHeads * d;
  parallelFor(segments * s.numKvHeads, 1, [&](int64_t begin, int64_t end) {
    Scratch matmulScratch(kMatmulScratchFloats);
    for (int64_t i = begin; i < end; ++i) {
      const int64_t segment = i / s.numKvHeads, kvHead = i % s.numKvHeads;
      const int64_t start = offsets[segment], length = offsets[segment + 1] - start;
      const int64_t atQ = start * qStride + kvHead * group * d, atK = start * kvStride + kvHead * d;
      Scratch scratch(attentionGradientScratch(length)), keys(keyPanelFloats(length, d)), values(keyPanelFloats(length, d));
      PARL_DISPATCH(packKeyPanels)(k + atK, kvStride, 0, length, d, keys.data());
      PARL_DISPATCH(packKeyPanels)(v + atK, kvStride, 0, length, d, values.data());
      PARL_DISPATCH(attentionGradient)
      ({dOut + atQ, q + atQ, k + atK, out + atQ, lse + start * s.numHeads + kvHead * group, keys.data(), values.data(), dq + atQ,
        dk + atK, dv + atK, length, group, qStride, kvStride, s.numHeads, d},
       scratch.data(), matmulScratch.data());
    }
  });
}

void attentionSegments(const AttentionSegment* segments, int64_t count, const AttentionShape& s) {
  const int64_t group = s.numHeads / s.numKvHeads, d = s.headDim, qStride = s.numHeads * d;
  std::vector<Task> tasks;
  for (int64_t i = 0; i < count; ++i) {
    for (int64_t h = 0; h < s.numKvHeads; ++h) addTasks(tasks, i, h, segments[i].queries);
  }
  parallelFor(static_cast<int64_t>(tasks.size()), 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const Task& task = tasks[static_cast<size_t>(i)];
      const AttentionSegment& x = segments[task.segment];
      const int64_t queries = task.lastQuery - task.firstQuery, position = x.firstPosition + task.firstQuery;
      Scratch scratch(attentionRowsScratch(position + queries, d));
      const float* panels = x.keyPanels + task.kvHead * x.keyHeadStride;
      const float* values = x.values + task.kvHead * x.valueHeadStride;
      const int64_t firstHead = task.kvHead * group;
      const int64_t at = task.firstQuery * qStride + firstHead * d;
      float* lse = x.lse == nullptr ? nullptr : x.lse + task.firstQuery * s.numHeads + firstHead;
      if (queries == 1) {
        // The heads of the group share the position and the keys: they are the rows of one tile.
        PARL_DISPATCH(attentionRows)
        ({x.q + at, d, x.out + at, d, lse, 1, group, position, 0, panels, values, x.valueKeyStride, d}, scratch.data());
        continue;
      }
      for (int64_t h = 0; h < group; ++h) {
        PARL_DISPATCH(attentionRows)
        ({x.q + at + h * d, qStride, x.out + at + h * d, qStride, lse == nullptr ? nullptr : lse + h, s.numHeads, queries,
          position, 1, panels, values, x.valueKeyStride, d},
         scratch.data());
      }
    }
  });
}

}  // namespace parl
