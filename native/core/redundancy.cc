#include "core/redundancy.h"

#ifdef __x86_64__
#include <immintrin.h>
#endif

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstring>
#include <new>
#include <vector>

#include "core/thread_pool.h"

namespace parl {
namespace {

// Calls f(s) for every pair s on the pool; false when one of them ran out of memory.
template <typename F>
bool forEachPair(size_t pairs, F&& f) {
  std::atomic<bool> ok{true};
  parallelFor(static_cast<int64_t>(pairs), 1, [&](int64_t begin, int64_t end) {
    try {
      for (int64_t s = begin; s < end; ++s) f(static_cast<size_t>(s));
    } catch (const std::bad_alloc&) {
      ok.store(false, std::memory_order_relaxed);
    }
  });
  return ok.load();
}

// x + y + carry; carry becomes the one that comes out.
inline uint64_t addWithCarry(uint64_t x, uint64_t y, unsigned char& carry) {
#ifdef __x86_64__
  unsigned long long sum;  // compilers do not find the add-with-carry chain by themselves
  carry = _addcarry_u64(carry, x, y, &sum);
  return sum;
#else
  const uint64_t partial = x + y, sum = partial + carry;
  carry = static_cast<unsigned char>((partial < x) | (sum < partial));
  return sum;
#endif
}

uint64_t mix(uint64_t x) {  // the finaliser of MurmurHash3
  x = (x ^ (x >> 33)) * 0xFF51AFD7ED558CCDull;
  x = (x ^ (x >> 33)) * 0xC4CEB9FE1A85EC53ull;
  return x ^ (x >> 33);
}

// Where each token of a sequence stands, ascending. Open addressing; the positions of one token lie side by side.
class TokenPositions {
 public:
  explicit TokenPositions(std::span<const int32_t> tokens)
      : slots_(std::bit_ceil(2 * tokens.size() + 1)), positions_(tokens.size()) {
    for (int32_t token : tokens) {
      Slot& slot = slots_[find(token)];
      slot.token = token;
      ++slot.count;
    }
    int32_t begin = 0;
    for (Slot& slot : slots_) {
      slot.end = begin;  // grows to the end while the positions are filled in
      begin += slot.count;
    }
    for (size_t i = 0; i < tokens.size(); ++i) {
      positions_[static_cast<size_t>(slots_[find(tokens[i])].end++)] = static_cast<int32_t>(i);
    }
  }

  std::span<const int32_t> of(int32_t token) const {
    const Slot& slot = slots_[find(token)];
    return std::span(positions_).subspan(static_cast<size_t>(slot.end - slot.count), static_cast<size_t>(slot.count));
  }

 private:
  struct Slot {
    int32_t token = 0;
    int32_t count = 0;  // 0: free
    int32_t end = 0;
  };

  size_t find(int32_t token) const {
    size_t i = mix(static_cast<uint32_t>(token)) & (slots_.size() - 1);
    while (slots_[i].count > 0 && slots_[i].token != token) i = (i + 1) & (slots_.size() - 1);
    return i;
  }

  std::vector<Slot> slots_;
  std::vector<int32_t> positions_;
};

// The n-grams of a candidate and its reference, each distinct gram with its two counts. Open addressing.
class GramTable {
 public:
  GramTable(size_t n, size_t grams, uint64_t hashMask)
      : n_(n), hashMask_(hashMask), slots_(std::bit_ceil(2 * grams + 1)), power_(1) {
    for (size_t i = 1; i < n; ++i) power_ *= kBase;  // kBase^(n - 1), modulo 2^64
  }

  struct Slot {
    uint64_t hash = 0;
    const int32_t* gram = nullptr;  // nullptr: free
    int32_t inCandidate = 0;
    int32_t inReference = 0;
  };

  void count(std::span<const int32_t> tokens, int32_t Slot::*counter) {
    if (tokens.size() < n_) return;
    uint64_t rolling = 0;
    for (size_t i = 0; i < n_; ++i) rolling = rolling * kBase + word(tokens[i]);
    for (size_t i = 0;; ++i) {
      ++(find(&tokens[i], mix(rolling) & hashMask_).*counter);
      if (i + n_ == tokens.size()) return;
      rolling = (rolling - word(tokens[i]) * power_) * kBase + word(tokens[i + n_]);
    }
  }

  const std::vector<Slot>& slots() const { return slots_; }

 private:
  static constexpr uint64_t kBase = 0x9E3779B97F4A7C15ull;
  static uint64_t word(int32_t token) { return static_cast<uint64_t>(static_cast<uint32_t>(token)) + 1; }

  Slot& find(const int32_t* gram, uint64_t hash) {
    for (size_t i = hash & (slots_.size() - 1);; i = (i + 1) & (slots_.size() - 1)) {
      Slot& slot = slots_[i];
      if (slot.gram == nullptr) {
        slot.hash = hash;
        slot.gram = gram;
        return slot;
      }
      if (slot.hash == hash && std::memcmp(slot.gram, gram, n_ * sizeof *gram) == 0) return slot;
    }
  }

  size_t n_;
  uint64_t hashMask_;
  std::vector<Slot> slots_;
  uint64_t power_;
};

double containment(std::span<const int32_t> candidate, std::span<const int32_t> reference, size_t n,
                   GramCounting counting, uint64_t hashMask) {
  if (candidate.size() < n || reference.size() < n) return 0;
  const size_t candidateGrams = candidate.size() - n + 1, referenceGrams = reference.size() - n + 1;
  GramTable table(n, candidateGrams + referenceGrams, hashMask);
  table.count(reference, &GramTable::Slot::inReference);
  table.count(candidate, &GramTable::Slot::inCandidate);

  int64_t shared = 0, distinct = 0;
  for (const GramTable::Slot& slot : table.slots()) {
    if (slot.inCandidate == 0) continue;
    ++distinct;
    if (slot.inReference == 0) continue;
    switch (counting) {
      case GramCounting::positions: shared += slot.inCandidate; break;
      case GramCounting::distinct: ++shared; break;
      case GramCounting::multiset: shared += std::min(slot.inCandidate, slot.inReference); break;
    }
  }
  const double total = counting == GramCounting::distinct ? static_cast<double>(distinct) : static_cast<double>(candidateGrams);
  return static_cast<double>(shared) / total;
}

}  // namespace

int32_t lcsLength(std::span<const int32_t> a, std::span<const int32_t> b) {
  if (a.size() > b.size()) std::swap(a, b);
  // What both ends share is in every longest common subsequence; near-copies then cost next to nothing.
  size_t common = 0;
  while (!a.empty() && a.front() == b.front()) {
    a = a.subspan(1);
    b = b.subspan(1);
    ++common;
  }
  while (!a.empty() && a.back() == b.back()) {
    a = a.first(a.size() - 1);
    b = b.first(b.size() - 1);
    ++common;
  }
  if (a.empty()) return static_cast<int32_t>(common);

  const TokenPositions positions(a);
  // Row j of the LCS table as bits: bit i of `row` is 0 where L[i + 1][j] = L[i][j] + 1. With M the positions of b[j]:
  // row' = (row + (row & M)) | (row & ~M), the sum carrying from word to word.
  const size_t words = (a.size() + 63) / 64;
  std::vector<uint64_t> row(words, ~uint64_t{0}), match(words, 0);
  for (int32_t token : b) {
    const std::span<const int32_t> places = positions.of(token);
    if (places.empty()) continue;
    for (int32_t i : places) match[static_cast<size_t>(i) / 64] |= uint64_t{1} << (i % 64);
    unsigned char carry = 0;
    // Words before the first match do not change: their sum adds nothing and no carry comes in.
    for (size_t w = static_cast<size_t>(places.front()) / 64; w < words; ++w) {
      const uint64_t sum = addWithCarry(row[w], row[w] & match[w], carry);
      row[w] = sum | (row[w] & ~match[w]);
      match[w] = 0;
    }
  }
  const size_t spare = words * 64 - a.size();
  row.back() |= spare == 0 ? 0 : ~uint64_t{0} << (64 - spare);
  int32_t length = static_cast<int32_t>(common);
  for (uint64_t word : row) length += 64 - std::popcount(word);
  return length;
}

bool lcsLengths(const TokenBatch& a, const TokenBatch& b, std::span<int32_t> out) {
  return forEachPair(a.size(), [&](size_t s) { out[s] = lcsLength(a[s], b[s]); });
}

bool rougeL(const TokenBatch& candidates, const TokenBatch& references, std::span<double> precision,
            std::span<double> recall, std::span<double> f) {
  return forEachPair(candidates.size(), [&](size_t s) {
    const double lcs = lcsLength(candidates[s], references[s]);
    precision[s] = recall[s] = f[s] = 0;
    if (lcs == 0) return;
    precision[s] = lcs / static_cast<double>(candidates[s].size());
    recall[s] = lcs / static_cast<double>(references[s].size());
    f[s] = 2 * precision[s] * recall[s] / (precision[s] + recall[s]);
  });
}

bool ngramContainment(const TokenBatch& candidates, const TokenBatch& references, int64_t n, GramCounting counting,
                      std::span<double> out, uint64_t hashMask) {
  return forEachPair(candidates.size(), [&](size_t s) {
    out[s] = containment(candidates[s], references[s], static_cast<size_t>(n), counting, hashMask);
  });
}

}  // namespace parl
