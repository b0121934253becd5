// How packed sequences are dealt to threads that work apart: each takes some sequences, those of a tree together, through all layers of a
// decoder.
//
// What lies between the layers of a small decoder (isSmallDecoder) is larger than its weights: 2,000 tokens of 128 numbers are 1 MB at every
// step, and threads that share each product wait for each other at every one. A part of some 256 rows stays in a thread's caches, and there is
// one barrier a pass. Where the weights are large, or the trees too few to give every thread as much, the threads take the parts one after
// the other and share each product.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/attention.h"
#include "core/decoder_weights.h"
#include "core/thread_pool.h"

namespace parl {

// Whole trees, one behind the other.
struct SequencePart {
  int64_t firstSegment, lastSegment, firstRow, lastRow;
  std::vector<int64_t> targets{};  // those whose rows lie in it, by index: tree by tree, ascending in each
  int64_t firstTarget = 0;         // targets of the parts before
  int64_t rows() const { return lastRow - firstRow; }
  int64_t targetCount() const { return static_cast<int64_t>(targets.size()); }
};

// The segments of a part, as they are where it stands alone.
struct PartSegments {
  PartSegments(const Segments& all, const SequencePart& part);
  Segments segments() const;

 private:
  std::vector<int32_t> offsets_, parents_;
};

// The order of rows, and of targets over all parts, does not depend on the number of threads.
struct SequenceParts {
  std::vector<SequencePart> parts;
  bool isApart;                    // each thread takes parts by itself
  std::vector<size_t> order;       // in which they are taken then: the longest first
  std::vector<int32_t> positions;  // [n]: of each row, from the beginning of its segment's first ancestor
  int64_t mostRows = 0, mostTargets = 0;

  // targetRows: [targetCount], the row of each target.
  SequenceParts(const DecoderConfig& config, const Segments& segments, std::span<const int32_t> targetRows);

  // Rows of a part that go through a feed-forward block at a time: its activations are the widest.
  int64_t feedForwardRows() const;

  // Calls f(part) for every part. f must not throw.
  template <typename F>
  void run(F&& f) const {
    if (!isApart) {
      for (const SequencePart& part : parts) f(part);
      return;
    }
    parallelEach(static_cast<int64_t>(parts.size()), [&](int64_t i, int64_t) { f(parts[order[static_cast<size_t>(i)]]); });
  }
};

}  // namespace parl
