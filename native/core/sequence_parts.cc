#include "core/sequence_parts.h"

#include <algorithm>

#include "core/shares.h"

namespace parl {
namespace {

// Rows of a part: 256 of the tiny decoder are 700 KB between its layers.
constexpr int64_t kApartRows = 256;
constexpr int64_t kFewestApartRows = 64;
constexpr int64_t kPartsPerThread = 4;
constexpr int64_t kFeedForwardRows = 128;
// Rows that go together where the threads share them: enough that packing a weight costs little beside its product.
constexpr int64_t kTogetherRows = 2048;

// The fewest neighbouring segments that no other one continues: whole trees.
std::vector<SequencePart> treesOf(const Segments& segments) {
  const int64_t count = segments.count;
  std::vector<int64_t> oldest(static_cast<size_t>(count) + 1, count);  // that one from s on continues
  for (int64_t s = count - 1; s >= 0; --s) {
    const int64_t parent = segments.parents == nullptr ? -1 : segments.parents[s];
    oldest[static_cast<size_t>(s)] = std::min(oldest[static_cast<size_t>(s) + 1], parent < 0 ? s : parent);
  }
  std::vector<SequencePart> trees;
  for (int64_t s = 0; s < count; ++s) {
    if (oldest[static_cast<size_t>(s)] >= s) {
      trees.push_back({s, s + 1, segments.offsets[s], segments.offsets[s + 1]});
    } else {
      trees.back().lastSegment = s + 1;
      trees.back().lastRow = segments.offsets[s + 1];
    }
  }
  return trees;
}

// Neighbouring trees, as many as have at most `rows` rows; one larger than that by itself.
std::vector<SequencePart> grouped(const std::vector<SequencePart>& trees, int64_t rows) {
  std::vector<SequencePart> parts;
  for (const SequencePart& tree : trees) {
    if (!parts.empty() && parts.back().rows() + tree.rows() <= rows) {
      parts.back().lastSegment = tree.lastSegment;
      parts.back().lastRow = tree.lastRow;
      parts.back().targets.insert(parts.back().targets.end(), tree.targets.begin(), tree.targets.end());
    } else {
      parts.push_back(tree);
    }
  }
  return parts;
}

std::vector<int64_t> lengthsOf(const std::vector<SequencePart>& parts) {
  std::vector<int64_t> lengths;
  for (const SequencePart& part : parts) lengths.push_back(part.rows());
  return lengths;
}

std::vector<int32_t> positionsOf(const Segments& segments) {
  std::vector<int32_t> positions(static_cast<size_t>(segments.offsets[segments.count]));
  std::vector<int32_t> ends(static_cast<size_t>(segments.count));
  for (int64_t s = 0; s < segments.count; ++s) {
    int32_t position = segments.parents == nullptr || segments.parents[s] < 0 ? 0 : ends[static_cast<size_t>(segments.parents[s])];
    for (int32_t row = segments.offsets[s]; row < segments.offsets[s + 1]; ++row) positions[static_cast<size_t>(row)] = position++;
    ends[static_cast<size_t>(s)] = position;
  }
  return positions;
}

}  // namespace

PartSegments::PartSegments(const Segments& all, const SequencePart& part) {
  for (int64_t s = part.firstSegment; s <= part.lastSegment; ++s) offsets_.push_back(all.offsets[s] - static_cast<int32_t>(part.firstRow));
  if (all.parents == nullptr) return;
  for (int64_t s = part.firstSegment; s < part.lastSegment; ++s) {
    parents_.push_back(all.parents[s] < 0 ? -1 : all.parents[s] - static_cast<int32_t>(part.firstSegment));
  }
}

Segments PartSegments::segments() const {
  return {offsets_.data(), static_cast<int64_t>(offsets_.size()) - 1, parents_.empty() ? nullptr : parents_.data()};
}

SequenceParts::SequenceParts(const DecoderConfig& config, const Segments& segments, std::span<const int32_t> targetRows)
    : positions(positionsOf(segments)) {
  const int64_t threads = threadCount(), n = segments.offsets[segments.count];
  std::vector<SequencePart> trees = treesOf(segments);
  std::vector<int32_t> treeOf(static_cast<size_t>(n));
  for (size_t t = 0; t < trees.size(); ++t) {
    std::fill(treeOf.begin() + trees[t].firstRow, treeOf.begin() + trees[t].lastRow, static_cast<int32_t>(t));
  }
  for (size_t i = 0; i < targetRows.size(); ++i) {
    trees[static_cast<size_t>(treeOf[static_cast<size_t>(targetRows[i])])].targets.push_back(static_cast<int64_t>(i));
  }

  parts = grouped(trees, std::clamp(n / (threads * kPartsPerThread), kFewestApartRows, kApartRows));
  isApart = isSmallDecoder(config) && isBalanced(lengthsOf(parts), threads);
  if (!isApart) parts = grouped(trees, kTogetherRows);
  order = longestFirst(lengthsOf(parts));
  int64_t targets = 0;
  for (SequencePart& part : parts) {
    part.firstTarget = targets;
    targets += part.targetCount();
    mostRows = std::max(mostRows, part.rows());
    mostTargets = std::max(mostTargets, part.targetCount());
  }
}

int64_t SequenceParts::feedForwardRows() const { return isApart ? kFeedForwardRows : std::max(mostRows, mostTargets); }

}  // namespace parl
