#include "core/score_tokens.h"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <exception>
#include <vector>

#include "core/decoder_layer.h"
#include "core/embedding.h"
#include "core/linear_logprob.h"
#include "core/rms_norm.h"
#include "core/tensor_memory.h"
#include "core/thread_pool.h"

namespace parl {
namespace {

// Rows that a thread takes through the layers at a time: 256 of the tiny decoder are 700 KB between its layers.
constexpr int64_t kApartRows = 256;
constexpr int64_t kFewestApartRows = 64;
constexpr int64_t kPartsPerThread = 4;
constexpr int64_t kFeedForwardRows = 128;  // of those, in the feed-forward block: its activations are the widest
// Rows that go together where the threads share them: enough that packing a weight costs little beside its product.
constexpr int64_t kTogetherRows = 2048;
// A thread may have so much more to do than the others before they share every product instead.
constexpr double kMostImbalance = 1.25;

// Whole trees, one behind the other.
struct Part {
  int64_t firstSegment, lastSegment, firstRow, lastRow;
  std::vector<int64_t> targets{};  // by index
  int64_t rows() const { return lastRow - firstRow; }
};

// The fewest neighbouring segments that no other one continues: whole trees.
std::vector<Part> treesOf(const Segments& segments) {
  const int64_t count = segments.count;
  std::vector<int64_t> oldest(static_cast<size_t>(count) + 1, count);  // that one from s on continues
  for (int64_t s = count - 1; s >= 0; --s) {
    const int64_t parent = segments.parents == nullptr ? -1 : segments.parents[s];
    oldest[static_cast<size_t>(s)] = std::min(oldest[static_cast<size_t>(s) + 1], parent < 0 ? s : parent);
  }
  std::vector<Part> trees;
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
std::vector<Part> grouped(const std::vector<Part>& trees, int64_t rows) {
  std::vector<Part> parts;
  for (const Part& tree : trees) {
    if (!parts.empty() && parts.back().rows() + tree.rows() <= rows) {
      parts.back().lastSegment = tree.lastSegment;
      parts.back().lastRow = tree.lastRow;
    } else {
      parts.push_back(tree);
    }
  }
  return parts;
}

// Whether threads that take the next part as they get free end at about the same time.
bool isBalanced(const std::vector<Part>& parts, int64_t threads) {
  std::vector<int64_t> loads(static_cast<size_t>(threads), 0);
  int64_t total = 0;
  for (const Part& part : parts) {
    *std::min_element(loads.begin(), loads.end()) += part.rows();
    total += part.rows();
  }
  const int64_t most = *std::max_element(loads.begin(), loads.end());
  return static_cast<double>(most * threads) <= kMostImbalance * static_cast<double>(total);
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

// Scores parts, one at a time; each thread that works apart has one.
class PartScorer {
 public:
  struct Call {
    const DecoderConfig& config;
    const DecoderWeights& weights;
    const DecoderPanels& panels;
    const ScoredTokens& scored;
    const int32_t* positions;
    float temperature;
    float *logprobs, *entropies;
  };

  // For parts of at most `rows` rows and `targets` targets.
  PartScorer(const Call& call, int64_t rows, int64_t targets, int64_t feedForwardRows)
      : call_(call), feedForwardRows_(std::min(rows, feedForwardRows)) {
    const DecoderConfig& c = call.config;
    const int64_t d = c.hiddenSize, q = c.numHeads * c.headDim, kv = c.numKvHeads * c.headDim;
    x_ = TensorArray(rows * d);
    normed_ = TensorArray(rows * d);
    q_ = TensorArray(rows * q);
    attended_ = TensorArray(rows * q);
    k_ = TensorArray(rows * kv);
    v_ = TensorArray(rows * kv);
    gate_ = TensorArray(feedForwardRows_ * c.intermediateSize);
    up_ = TensorArray(feedForwardRows_ * c.intermediateSize);
    low_ = TensorArray(rows * c.adapterRank);
    lse_ = TensorArray(std::max(rows * c.numHeads, targets));
    hidden_ = TensorArray(targets * d);
    stream_ = TensorArray(targets * d);
    mixed_ = TensorArray(targets * q);
    logprobs_ = TensorArray(targets);
    entropies_ = TensorArray(targets);
  }

  void score(const Part& part) {
    if (part.targets.empty()) return;
    const DecoderConfig& c = call_.config;
    const int64_t d = c.hiddenSize, count = static_cast<int64_t>(part.targets.size());
    const LayerRows rows{part.rows(), call_.positions + part.firstRow, x_.data(), normed_.data(), q_.data(), attended_.data(),
                         k_.data(), v_.data(), gate_.data(), up_.data(), low_.data()};
    embeddingForward(call_.weights.embedding, call_.scored.tokens + part.firstRow, rows.x, rows.n, d);
    rebase(part);
    const Segments segments{offsets_.data(), part.lastSegment - part.firstSegment, parents_.empty() ? nullptr : parents_.data()};
    const size_t last = call_.weights.layers.size() - 1;
    LayerRows out = rows;
    for (size_t l = 0; l <= last; ++l) {
      const LayerParts layer{c, call_.weights.layers[l], call_.panels.layer(l)};
      layer.norm(rows, l == 0);
      layer.keysAndValues(rows);
      layer.queries(rows);
      attentionForward(rows.q, rows.k, rows.v, segments, rows.attended, lse_.data(), {c.numHeads, c.numKvHeads, c.headDim});
      if (l == last) out = targetRows(part, rows);
      for (int64_t first = 0; first < out.n; first += feedForwardRows_) {
        layer.feedForward(out.from(c, first, std::min(feedForwardRows_, out.n - first)));
      }
    }
    addRmsNormForward(out.x, out.normed, call_.weights.finalNorm, out.x, out.normed, nullptr, count, d, c.rmsNormEps);
    head(part, out.normed, count);
  }

 private:
  // Offsets and parents as they are where the part stands alone.
  void rebase(const Part& part) {
    const Segments& all = call_.scored.segments;
    offsets_.clear();
    parents_.clear();
    for (int64_t s = part.firstSegment; s <= part.lastSegment; ++s) offsets_.push_back(all.offsets[s] - static_cast<int32_t>(part.firstRow));
    if (all.parents == nullptr) return;
    for (int64_t s = part.firstSegment; s < part.lastSegment; ++s) {
      parents_.push_back(all.parents[s] < 0 ? -1 : all.parents[s] - static_cast<int32_t>(part.firstSegment));
    }
  }

  // Past the last attention only the rows of targets go on, one for each.
  LayerRows targetRows(const Part& part, const LayerRows& rows) {
    const int64_t d = call_.config.hiddenSize, q = call_.config.numHeads * call_.config.headDim;
    for (size_t i = 0; i < part.targets.size(); ++i) {
      const int64_t to = static_cast<int64_t>(i), row = call_.scored.targetRows[part.targets[i]] - part.firstRow;
      std::copy_n(rows.x + row * d, d, stream_.data() + to * d);
      std::copy_n(rows.attended + row * q, q, mixed_.data() + to * q);
    }
    LayerRows out = rows;
    out.n = static_cast<int64_t>(part.targets.size());
    out.x = stream_.data();
    out.attended = mixed_.data();
    out.normed = hidden_.data();
    return out;
  }

  void head(const Part& part, const float* hidden, int64_t count) {
    const DecoderConfig& c = call_.config;
    targets_.clear();
    for (const int64_t target : part.targets) targets_.push_back(call_.scored.targets[target]);
    float* const entropies = call_.entropies == nullptr ? nullptr : entropies_.data();
    linearLogprobForward(hidden, {call_.weights.head, call_.panels.head()}, targets_.data(), {count, c.hiddenSize, c.vocabSize, call_.temperature},
                         logprobs_.data(), entropies, lse_.data());
    for (int64_t i = 0; i < count; ++i) {
      const int64_t target = part.targets[static_cast<size_t>(i)];
      call_.logprobs[target] = logprobs_.data()[i];
      if (entropies != nullptr) call_.entropies[target] = entropies[i];
    }
  }

  const Call& call_;
  int64_t feedForwardRows_;
  TensorArray x_, normed_, q_, attended_, k_, v_, gate_, up_, low_, lse_, hidden_, stream_, mixed_, logprobs_, entropies_;
  std::vector<int32_t> offsets_, parents_, targets_;
};

}  // namespace

void scoreTokens(const DecoderConfig& config, const DecoderWeights& weights, const ScoredTokens& scored, float temperature,
                 float* logprobs, float* entropies) {
  const Segments& segments = scored.segments;
  const std::vector<Part> trees = treesOf(segments);
  const int64_t threads = threadCount(), n = segments.offsets[segments.count];
  const bool isSmall = isSmallDecoder(config);
  std::vector<Part> parts = grouped(trees, std::clamp(n / (threads * kPartsPerThread), kFewestApartRows, kApartRows));
  const bool isApart = isSmall && threads > 1 && isBalanced(parts, threads);
  if (!isApart && (threads > 1 || !isSmall)) parts = grouped(trees, kTogetherRows);

  std::vector<int32_t> partOf(static_cast<size_t>(n));
  int64_t mostRows = 0, mostTargets = 0;
  for (size_t p = 0; p < parts.size(); ++p) {
    std::fill(partOf.begin() + parts[p].firstRow, partOf.begin() + parts[p].lastRow, static_cast<int32_t>(p));
    mostRows = std::max(mostRows, parts[p].rows());
  }
  for (int64_t i = 0; i < scored.targetCount; ++i) {
    Part& part = parts[static_cast<size_t>(partOf[static_cast<size_t>(scored.targetRows[i])])];
    part.targets.push_back(i);
    mostTargets = std::max(mostTargets, static_cast<int64_t>(part.targets.size()));
  }
  if (mostTargets == 0) return;

  const std::vector<int32_t> positions = positionsOf(segments);
  DecoderPanels panels(config);
  panels.pack(config, weights);
  const PartScorer::Call call{config, weights, panels, scored, positions.data(), temperature, logprobs, entropies};
  if (!isApart) {
    PartScorer scorer(call, mostRows, mostTargets, isSmall && threads == 1 ? kFeedForwardRows : mostRows);
    for (const Part& part : parts) scorer.score(part);
    return;
  }
  std::vector<PartScorer> scorers;  // made here: a range must not throw
  for (int64_t t = 0; t < threads; ++t) scorers.emplace_back(call, mostRows, mostTargets, kFeedForwardRows);
  std::atomic<size_t> next{0};
  parallelFor(threads, 1, [&](int64_t begin, int64_t end) {
    for (int64_t t = begin; t < end; ++t) {
      for (size_t p = next++; p < parts.size(); p = next++) scorers[static_cast<size_t>(t)].score(parts[p]);
    }
  });
}

}  // namespace parl
