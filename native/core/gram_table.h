// The n-grams of two token sequences, each distinct gram once with its count in either. Open addressing; exact: grams with
// equal hashes are compared token by token. One table serves many pairs of sequences and keeps its memory between them.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

namespace parl {

class GramTable {
 public:
  struct Entry {
    uint64_t hash;
    const int32_t* gram;
    int32_t inA, inB;
  };

  // Empties the table for grams of n tokens, at most `grams` of them. `hashMask` thins the hashes and is there for tests.
  void begin(size_t n, size_t grams, uint64_t hashMask = ~uint64_t{0}) {
    n_ = n;
    hashMask_ = hashMask;
    entries_.clear();
    entries_.reserve(grams);
    const size_t slots = std::bit_ceil(2 * grams + 1);
    if (slots_.size() < slots) slots_.resize(slots);
    std::memset(slots_.data(), 0, slots * sizeof(Slot));
    mask_ = slots - 1;
    power_ = 1;
    // kBase^(n - 1), modulo 2^64; n may be of any size where no sequence is long enough for a gram.
    for (size_t i = 1; i < n && grams > 0; ++i) power_ *= kBase;
  }

  // Counts the grams of a sequence, which must stay in place until the table is read.
  void count(std::span<const int32_t> tokens, int32_t Entry::*counter) {
    if (tokens.size() < n_) return;
    uint64_t rolling = 0;
    for (size_t i = 0; i < n_; ++i) rolling = rolling * kBase + word(tokens[i]);
    for (size_t i = 0;; ++i) {
      ++(find(&tokens[i], mix(rolling) & hashMask_).*counter);
      if (i + n_ == tokens.size()) return;
      rolling = (rolling - word(tokens[i]) * power_) * kBase + word(tokens[i + n_]);
    }
  }

  std::span<const Entry> entries() const { return entries_; }

 private:
  struct Slot {
    uint32_t tag;    // of the hash
    uint32_t entry;  // its index + 1; 0: free
  };

  static constexpr uint64_t kBase = 0x9E3779B97F4A7C15ull;
  static uint64_t word(int32_t token) { return static_cast<uint64_t>(static_cast<uint32_t>(token)) + 1; }
  static uint64_t mix(uint64_t x) {
    x = (x ^ (x >> 32)) * 0xD6E8FEB86659FD93ull;
    return x ^ (x >> 32);
  }

  Entry& find(const int32_t* gram, uint64_t hash) {
    const auto tag = static_cast<uint32_t>(hash >> 32);
    for (size_t i = hash & mask_;; i = (i + 1) & mask_) {
      Slot& slot = slots_[i];
      if (slot.entry == 0) {
        entries_.push_back({hash, gram, 0, 0});
        slot = {tag, static_cast<uint32_t>(entries_.size())};
        return entries_.back();
      }
      if (slot.tag != tag) continue;
      Entry& entry = entries_[slot.entry - 1];
      if (entry.hash == hash && equal(entry.gram, gram)) return entry;
    }
  }

  bool equal(const int32_t* a, const int32_t* b) const {
    for (size_t i = 0; i < n_; ++i) {
      if (a[i] != b[i]) return false;
    }
    return true;
  }

  size_t n_ = 1, mask_ = 0;
  uint64_t hashMask_ = 0, power_ = 1;
  std::vector<Slot> slots_;
  std::vector<Entry> entries_;
};

}  // namespace parl
