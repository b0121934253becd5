#include "core/redundancy.h"

#ifdef __x86_64__
#include <immintrin.h>
#endif

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstring>
#include <memory>
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

constexpr size_t kMostWords = 4;  // of a sequence that is short

// The masks of a short sequence's tokens, kWords words each: bit i of a token's mask is set where the sequence holds it at i. The first
// mask is that of all other tokens and stays 0.

// Ids of a vocabulary are looked up directly, and masks are made without a branch (which would be guessed wrong for every other token).
class DirectMasks {
 public:
  static bool holds(std::span<const int32_t> tokens) {
    uint32_t all = 0;
    for (int32_t token : tokens) all |= static_cast<uint32_t>(token);
    return all < kIds;
  }

  template <size_t kWords>
  void begin(std::span<const int32_t> tokens) {
    if (index_.empty()) index_.assign(kIds, 0);
    std::memset(words_, 0, (tokens.size() + 1) * kWords * sizeof *words_);
    uint16_t used = 0;
    for (size_t i = 0; i < tokens.size(); ++i) {
      uint16_t& index = index_[static_cast<uint32_t>(tokens[i])];
      const uint16_t isNew = index == 0;
      used = static_cast<uint16_t>(used + isNew);
      index = static_cast<uint16_t>(index | (used & -isNew));  // of two that are not both 0
      words_[index * kWords + i / 64] |= uint64_t{1} << (i % 64);
    }
  }
  template <size_t kWords>
  const uint64_t* of(int32_t token) const {
    return words_ + index_[static_cast<uint32_t>(token)] * kWords;
  }
  void end(std::span<const int32_t> tokens) {
    for (int32_t token : tokens) index_[static_cast<uint32_t>(token)] = 0;
  }

 private:
  static constexpr uint32_t kIds = uint32_t{1} << 18;
  std::vector<uint16_t> index_;  // of a token's mask; all 0 between two sequences
  uint64_t words_[(64 * kMostWords + 1) * kMostWords];
};

// Any token, by open addressing. A slot is marked by a stamp, so that the next sequence needs no clearing.
class HashedMasks {
 public:
  template <size_t kWords>
  void begin(std::span<const int32_t> tokens) {
    if (slots_.empty()) slots_.resize(kSlots);
    if (++stamp_ == 0) {
      for (Slot& slot : slots_) slot.stamp = 0;
      stamp_ = 1;
    }
    std::memset(words_, 0, (tokens.size() + 1) * kWords * sizeof *words_);
    uint32_t used = 0;
    for (size_t i = 0; i < tokens.size(); ++i) {
      Slot& slot = find(tokens[i]);
      if (slot.stamp != stamp_) slot = {tokens[i], stamp_, ++used};
      words_[slot.index * kWords + i / 64] |= uint64_t{1} << (i % 64);
    }
  }
  template <size_t kWords>
  const uint64_t* of(int32_t token) {
    const Slot& slot = find(token);
    return words_ + (slot.stamp == stamp_ ? slot.index : 0) * kWords;
  }
  void end(std::span<const int32_t>) {}

 private:
  static constexpr int kSlotBits = 10;
  static constexpr size_t kSlots = size_t{1} << kSlotBits;
  static_assert(kSlots >= 4 * 64 * kMostWords);
  struct Slot {
    int32_t token = 0;
    uint32_t stamp = 0;
    uint32_t index = 0;
  };

  Slot& find(int32_t token) {
    size_t i = (static_cast<uint64_t>(static_cast<uint32_t>(token)) * 0x9E3779B97F4A7C15ull) >> (64 - kSlotBits);
    while (slots_[i].stamp == stamp_ && slots_[i].token != token) i = (i + 1) & (kSlots - 1);
    return slots_[i];
  }

  std::vector<Slot> slots_;
  uint32_t stamp_ = 0;
  uint64_t words_[(64 * kMostWords + 1) * kMostWords];
};

// The LCS row of at most kMostWords words held in registers.
template <size_t kWords, typename Masks>
int32_t lcsByMasks(Masks& masks, std::span<const int32_t> a, std::span<const int32_t> b) {
  masks.template begin<kWords>(a);
  uint64_t row[kWords];
  for (uint64_t& word : row) word = ~uint64_t{0};
  for (int32_t token : b) {
    const uint64_t* mask = masks.template of<kWords>(token);
    // Nothing but additions between the additions: whatever else there is would cost the carry.
    uint64_t match[kWords], sum[kWords];
    for (size_t w = 0; w < kWords; ++w) match[w] = row[w] & mask[w];
    unsigned char carry = 0;
    for (size_t w = 0; w < kWords; ++w) sum[w] = addWithCarry(row[w], match[w], carry);
    for (size_t w = 0; w < kWords; ++w) row[w] = sum[w] | (row[w] ^ match[w]);
  }
  masks.end(a);
  const size_t spare = kWords * 64 - a.size();
  row[kWords - 1] |= spare == 0 ? 0 : ~uint64_t{0} << (64 - spare);
  int32_t length = 0;
  for (uint64_t word : row) length += 64 - std::popcount(word);
  return length;
}

template <size_t kWords>
int32_t lcsOfShort(std::span<const int32_t> a, std::span<const int32_t> b) {
  // By pointers: the address of a thread's own object would be asked for at every token.
  thread_local const auto direct = std::make_unique<DirectMasks>();
  thread_local const auto hashed = std::make_unique<HashedMasks>();
  return DirectMasks::holds(a) && DirectMasks::holds(b) ? lcsByMasks<kWords>(*direct, a, b) : lcsByMasks<kWords>(*hashed, a, b);
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
  switch ((a.size() + 63) / 64) {
    case 1: return static_cast<int32_t>(common) + lcsOfShort<1>(a, b);
    case 2: return static_cast<int32_t>(common) + lcsOfShort<2>(a, b);
    case 3: return static_cast<int32_t>(common) + lcsOfShort<3>(a, b);
    case 4: return static_cast<int32_t>(common) + lcsOfShort<4>(a, b);
    default: break;
  }

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

}  // namespace parl
