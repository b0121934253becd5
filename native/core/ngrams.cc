#include "core/ngrams.h"

#include <algorithm>
#include <atomic>
#include <bit>
#include <new>
#include <vector>

#include "core/gram_table.h"
#include "core/thread_pool.h"

namespace parl {
namespace {

// Calls f(s, table) for every sequence on the pool; false when one of them ran out of memory.
template <typename F>
bool forEachSequence(size_t count, F&& f) {
  std::atomic<bool> ok{true};
  parallelFor(static_cast<int64_t>(count), 1, [&](int64_t begin, int64_t end) {
    try {
      GramTable table;
      for (int64_t s = begin; s < end; ++s) f(static_cast<size_t>(s), table);
    } catch (const std::bad_alloc&) {
      ok.store(false, std::memory_order_relaxed);
    }
  });
  return ok.load();
}

size_t gramCount(std::span<const int32_t> tokens, size_t n) { return tokens.size() < n ? 0 : tokens.size() - n + 1; }

struct Overlap {
  int64_t gramsA = 0, gramsB = 0;            // positions
  int64_t distinctA = 0, distinctB = 0;
  int64_t sharedDistinct = 0;
  int64_t sharedPositions = 0;               // of a, whose gram occurs in b
  int64_t sharedCounts = 0;                  // sum of the smaller counts
};

Overlap overlapOf(std::span<const int32_t> a, std::span<const int32_t> b, size_t n, GramTable& table,
                  uint64_t hashMask = ~uint64_t{0}) {
  Overlap overlap;
  overlap.gramsA = static_cast<int64_t>(gramCount(a, n));
  overlap.gramsB = static_cast<int64_t>(gramCount(b, n));
  table.begin(n, static_cast<size_t>(overlap.gramsA + overlap.gramsB), hashMask);
  table.count(a, &GramTable::Entry::inA);
  table.count(b, &GramTable::Entry::inB);
  for (const GramTable::Entry& entry : table.entries()) {
    overlap.distinctA += entry.inA > 0;
    overlap.distinctB += entry.inB > 0;
    if (entry.inA == 0 || entry.inB == 0) continue;
    ++overlap.sharedDistinct;
    overlap.sharedPositions += entry.inA;
    overlap.sharedCounts += std::min(entry.inA, entry.inB);
  }
  return overlap;
}

// Distinct n-grams of tokens that fit, n of them, into 63 bits: a gram is its own key, exactly. A bit for each gram there could be
// where those fit the second cache, as with the calls of an episode or a small alphabet; else a set of numbers, as narrow as they are.
class PackedGrams {
 public:
  // -1 where the tokens do not fit.
  int64_t distinct(std::span<const int32_t> tokens, size_t n) {
    uint32_t all = 0;
    for (int32_t token : tokens) all |= static_cast<uint32_t>(token);
    const auto bits = static_cast<size_t>(std::max(1, static_cast<int>(std::bit_width(all))));
    if (n > 63 || bits * n > 63) return -1;
    if (bits * n <= kMostBitmapBits) return inBitmap(tokens, n, bits);
    return bits * n < 32 ? inSet(narrow_, tokens, n, bits) : inSet(wide_, tokens, n, bits);
  }

 private:
  static constexpr size_t kMostBitmapBits = 20;  // 128 KiB
  static constexpr uint64_t kGolden = 0x9E3779B97F4A7C15ull;

  template <typename F>
  static void forEachGram(std::span<const int32_t> tokens, size_t n, size_t bits, F&& f) {
    const uint64_t mask = (uint64_t{1} << (bits * n)) - 1;
    uint64_t gram = 0;
    for (size_t i = 0; i + 1 < n; ++i) gram = gram << bits | static_cast<uint32_t>(tokens[i]);
    for (size_t i = n - 1; i < tokens.size(); ++i) {
      gram = (gram << bits | static_cast<uint32_t>(tokens[i])) & mask;
      f(gram);
    }
  }

  int64_t inBitmap(std::span<const int32_t> tokens, size_t n, size_t bits) {
    if (bitmap_.empty()) bitmap_.resize((size_t{1} << kMostBitmapBits) / 64);
    uint64_t* words = bitmap_.data();
    int64_t count = 0;
    forEachGram(tokens, n, bits, [&](uint64_t gram) {
      const uint64_t word = words[gram / 64], bit = uint64_t{1} << (gram % 64);
      count += (word & bit) == 0;
      words[gram / 64] = word | bit;
    });
    forEachGram(tokens, n, bits, [&](uint64_t gram) { words[gram / 64] = 0; });  // for the next sequence
    return count;
  }

  template <typename Key>
  static int64_t inSet(std::vector<Key>& set, std::span<const int32_t> tokens, size_t n, size_t bits) {
    const size_t slots = std::bit_ceil(4 * gramCount(tokens, n) + 1);
    if (set.size() < slots) set.resize(slots);
    Key* keys = set.data();
    std::fill_n(keys, slots, Key{0});
    const int shift = 64 - std::countr_zero(slots);
    int64_t count = 0;
    forEachGram(tokens, n, bits, [&](uint64_t gram) {
      const auto key = static_cast<Key>(gram + 1);  // 0 is a free slot
      size_t at = (uint64_t{key} * kGolden) >> shift;
      while (keys[at] != 0 && keys[at] != key) at = (at + 1) & (slots - 1);
      count += keys[at] == 0;
      keys[at] = key;
    });
    return count;
  }

  std::vector<uint64_t> bitmap_;  // zeros between sequences
  std::vector<uint32_t> narrow_;
  std::vector<uint64_t> wide_;
};

double share(int64_t part, int64_t whole) { return whole == 0 ? 0 : static_cast<double>(part) / static_cast<double>(whole); }

}  // namespace

bool ngramContainment(const TokenBatch& candidates, const TokenBatch& references, int64_t n, GramCounting counting,
                      std::span<double> out, uint64_t hashMask) {
  return forEachSequence(candidates.size(), [&](size_t s, GramTable& table) {
    const Overlap o = overlapOf(candidates[s], references[s], static_cast<size_t>(n), table, hashMask);
    switch (counting) {
      case GramCounting::positions: out[s] = share(o.sharedPositions, o.gramsA); break;
      case GramCounting::distinct: out[s] = share(o.sharedDistinct, o.distinctA); break;
      case GramCounting::multiset: out[s] = share(o.sharedCounts, o.gramsA); break;
    }
  });
}

bool ngramJaccard(const TokenBatch& a, const TokenBatch& b, int64_t n, GramCounting counting, std::span<double> out) {
  return forEachSequence(a.size(), [&](size_t s, GramTable& table) {
    const Overlap o = overlapOf(a[s], b[s], static_cast<size_t>(n), table);
    out[s] = counting == GramCounting::multiset ? share(o.sharedCounts, o.gramsA + o.gramsB - o.sharedCounts)
                                                : share(o.sharedDistinct, o.distinctA + o.distinctB - o.sharedDistinct);
  });
}

bool rougeN(const TokenBatch& candidates, const TokenBatch& references, int64_t n, std::span<double> precision,
            std::span<double> recall, std::span<double> f) {
  return forEachSequence(candidates.size(), [&](size_t s, GramTable& table) {
    const Overlap o = overlapOf(candidates[s], references[s], static_cast<size_t>(n), table);
    precision[s] = share(o.sharedCounts, o.gramsA);
    recall[s] = share(o.sharedCounts, o.gramsB);
    f[s] = o.sharedCounts == 0 ? 0 : 2 * precision[s] * recall[s] / (precision[s] + recall[s]);
  });
}

bool ngramRepetition(const TokenBatch& sequences, int64_t n, std::span<double> out) {
  return forEachSequence(sequences.size(), [&](size_t s, GramTable& table) {
    thread_local PackedGrams packed;
    const auto size = static_cast<size_t>(n);
    const size_t grams = gramCount(sequences[s], size);
    int64_t distinct = grams == 0 ? 0 : packed.distinct(sequences[s], size);
    if (distinct < 0) {
      table.begin(size, grams);
      table.count(sequences[s], &GramTable::Entry::inA);
      distinct = static_cast<int64_t>(table.entries().size());
    }
    out[s] = grams == 0 ? 0 : 1 - share(distinct, static_cast<int64_t>(grams));
  });
}

}  // namespace parl
