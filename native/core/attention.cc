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

// The keys that a segment's rows see: all of its ancestors', then its own.
struct KeyPath {
  struct Range {
    int64_t row, firstKey, count;
  };
  std::vector<Range> ranges;  // of the ancestors from the first one, then of the segment
  int64_t before = 0;         // keys of the ancestors

  KeyPath(const Segments& segments, int64_t segment) {
    for (int64_t s = segment; s >= 0; s = segments.parents == nullptr ? -1 : segments.parents[s]) {
      ranges.push_back({segments.offsets[s], 0, segments.offsets[s + 1] - segments.offsets[s]});
    }
    std::reverse(ranges.begin(), ranges.end());
    int64_t key = 0;
    for (Range& range : ranges) {
      before = range.firstKey = key;
      key += range.count;
    }
  }

  // The first `keys` of them of one head, x at its row 0.
  void packKeys(const float* x, int64_t stride, int64_t keys, int64_t headDim, float* panels) const {
    for (const Range& range : ranges) {
      const int64_t count = std::min(range.count, keys - range.firstKey);
      PARL_DISPATCH(packKeyPanels)(x + range.row * stride, stride, range.firstKey, count, headDim, panels);
    }
  }
  // out[key][headDim]
  void gather(const float* x, int64_t stride, int64_t keys, int64_t headDim, float* out) const {
    for (const Range& range : ranges) {
      for (int64_t i = 0; i < std::min(range.count, keys - range.firstKey); ++i) {
        std::copy_n(x + (range.row + i) * stride, headDim, out + (range.firstKey + i) * headDim);
      }
    }
  }
};

// What each segment that has a parent gives to the keys of its path, kept apart until all have been computed, then added in
// the order of the segments: no two threads write to one row, and the sums do not depend on who came first.
class KeyGradients {
 public:
  struct Part {
    float *dk, *dv;  // [keys of the path, headDim]
  };

  KeyGradients(const Segments& segments, const AttentionShape& shape)
      : segments_(segments), shape_(shape), first_(static_cast<size_t>(segments.count)), keys_(first_.size()), givers_(first_.size()) {
    for (int64_t s = 0; s < segments.count; ++s) {
      const KeyPath path(segments, s);
      const KeyPath::Range& own = path.ranges.back();
      first_[static_cast<size_t>(s)] = floats_;
      keys_[static_cast<size_t>(s)] = own.firstKey + own.count;
      if (path.before == 0) continue;
      floats_ += 2 * shape.numKvHeads * shape.headDim * keys_[static_cast<size_t>(s)];
      size_t range = path.ranges.size();
      for (int64_t ancestor = s; ancestor >= 0; ancestor = segments.parents[ancestor]) {
        givers_[static_cast<size_t>(ancestor)].push_back({s, path.ranges[--range].firstKey});
      }
    }
  }

  int64_t floats() const { return floats_; }

  Part part(float* all, int64_t segment, int64_t kvHead) const {
    const int64_t size = shape_.headDim * keys_[static_cast<size_t>(segment)];
    float* dk = all + first_[static_cast<size_t>(segment)] + 2 * kvHead * size;
    return {dk, dk + size};
  }

  // Rows of segments without a parent hold their own part already.
  void add(float* all, float* dk, float* dv) const {
    if (floats_ == 0) return;
    const int64_t d = shape_.headDim, stride = shape_.numKvHeads * d;
    parallelFor(segments_.count * shape_.numKvHeads, 1, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        const int64_t segment = i / shape_.numKvHeads, kvHead = i % shape_.numKvHeads;
        const int64_t row = segments_.offsets[segment], rows = segments_.offsets[segment + 1] - row;
        for (const Giver& giver : givers_[static_cast<size_t>(segment)]) {
          const Part from = part(all, giver.segment, kvHead);
          const int64_t at = giver.firstKey * d, to = row * stride + kvHead * d;
          addRows(from.dk + at, giver.segment == segment, rows, dk + to, stride);
          addRows(from.dv + at, giver.segment == segment, rows, dv + to, stride);
        }
      }
    });
  }

 private:
  struct Giver {
    int64_t segment, firstKey;
  };

  // The first one to give is the segment itself, where it has a parent.
  void addRows(const float* from, bool isFirst, int64_t rows, float* to, int64_t stride) const {
    for (int64_t r = 0; r < rows; ++r, from += shape_.headDim, to += stride) {
      if (isFirst) {
        std::copy_n(from, shape_.headDim, to);
      } else {
        for (int64_t c = 0; c < shape_.headDim; ++c) to[c] += from[c];
      }
    }
  }

  const Segments& segments_;
  const AttentionShape& shape_;
  std::vector<int64_t> first_, keys_;
  std::vector<std::vector<Giver>> givers_;
  int64_t floats_ = 0;
};

}  // namespace

void packKeys(const float* k, int64_t keyStride, int64_t firstKey, int64_t count, int64_t headDim, float* panels) {
  PARL_DISPATCH(packKeyPanels)(k, keyStride, firstKey, count, headDim, panels);
}

void attentionForward(const float* q, const float* k, const float* v, const Segments& segments, float* out, float* lse,
                      const AttentionShape& s) {
  const int64_t group = s.numHeads / s.numKvHeads, d = s.headDim;
  const int64_t qStride = s.numHeads * d, kvStride = s.numKvHeads * d;
  std::vector<Task> tasks;
  for (int64_t segment = 0; segment < segments.count; ++segment) {
    for (int64_t h = 0; h < s.numKvHeads; ++h) addTasks(tasks, segment, h, segments.offsets[segment + 1] - segments.offsets[segment]);
  }
  parallelFor(static_cast<int64_t>(tasks.size()), 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const Task& task = tasks[static_cast<size_t>(i)];
      const KeyPath path(segments, task.segment);
      const int64_t position = path.before + task.firstQuery, keys = path.before + task.lastQuery;
      const int64_t start = segments.offsets[task.segment], row = start + task.firstQuery;
      const bool isGathered = path.before > 0;
      Scratch panels(keyPanelFloats(keys, d)), scratch(attentionRowsScratch(keys, d)), gathered(isGathered ? keys * d : 0);
      const int64_t head0 = task.kvHead * d;
      path.packKeys(k + head0, kvStride, keys, d, panels.data());
      if (isGathered) path.gather(v + head0, kvStride, keys, d, gathered.data());
      const float* values = isGathered ? gathered.data() : v + start * kvStride + head0;
      for (int64_t head = task.kvHead * group; head < (task.kvHead + 1) * group; ++head) {
        PARL_DISPATCH(attentionRows)
        ({q + row * qStride + head * d, qStride, out + row * qStride + head * d, qStride, lse == nullptr ? nullptr : lse + row * s.numHeads + head, s.numHeads,
          task.lastQuery - task.firstQuery, position, 1, panels.data(), values, isGathered ? d : kvStride, d},
         scratch.data());
      }
    }
  });
}

void attentionBackward(const float* dOut, const float* q, const float* k, const float* v, const float* out, const float* lse,
                       const Segments& segments, float* dq, float* dk, float* dv, const AttentionShape& s) {
  const int64_t group = s.numHeads / s.numKvHeads, d = s.headDim;
  const int64_t qStride = s.numHeads * d, kvStride = s.numKvHeads * d;
  const KeyGradients parts(segments, s);
  Scratch partial(parts.floats());
  parallelFor(segments.count * s.numKvHeads, 1, [&](int64_t begin, int64_t end) {
    Scratch matmulScratch(kMatmulScratchFloats);
    for (int64_t i = begin; i < end; ++i) {
      const int64_t segment = i / s.numKvHeads, kvHead = i % s.numKvHeads;
      const KeyPath path(segments, segment);
      const int64_t start = segments.offsets[segment], length = segments.offsets[segment + 1] - start, keys = path.before + length;
      const int64_t atQ = start * qStride + kvHead * group * d, atK = start * kvStride + kvHead * d;
      const bool isGathered = path.before > 0;
      Scratch scratch(attentionGradientScratch(keys)), keyPanels(keyPanelFloats(keys, d)), valuePanels(keyPanelFloats(keys, d));
      Scratch gathered(isGathered ? keys * d : 0);
      path.packKeys(k + kvHead * d, kvStride, keys, d, keyPanels.data());
      path.packKeys(v + kvHead * d, kvStride, keys, d, valuePanels.data());
      if (isGathered) path.gather(k + kvHead * d, kvStride, keys, d, gathered.data());
      const KeyGradients::Part part = isGathered ? parts.part(partial.data(), segment, kvHead) : KeyGradients::Part{dk + atK, dv + atK};
      PARL_DISPATCH(attentionGradient)
      ({dOut + atQ, q + atQ, out + atQ, lse + start * s.numHeads + kvHead * group, isGathered ? gathered.data() : k + atK,
        keyPanels.data(), valuePanels.data(), dq + atQ, part.dk, part.dv, length, path.before, group, qStride,
        isGathered ? d : kvStride, s.numHeads, d},
       scratch.data(), matmulScratch.data());
    }
  });
  parts.add(partial.data(), dk, dv);
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
