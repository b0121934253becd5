// Keys and values of a fixed number of token sequences ("slots"), per layer, laid out for attentionSegments().
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

namespace parl {

struct KvCacheExtents {
  int64_t slots, tokensPerSlot, layers, kvHeads, headDim;
  // Tokens that all slots hold together at most, in whole key panels. Below slots * tokensPerSlot the slots' addresses are
  // reserved in full, but whoever stores tokens keeps to this sum and release()s what he no longer needs.
  int64_t budget;

  bool isBounded() const;
};

class KvCache {
 public:
  // Addresses are reserved at once; memory is taken where tokens are stored. Throws std::bad_alloc.
  explicit KvCache(const KvCacheExtents& extents);

  // Most memory that is ever taken: pages included, where a panel of a head is no whole number of them.
  static int64_t bytes(const KvCacheExtents& extents);

  // Key panels of head h at keys() + h * keyHeadStride(); value of token t at values() + h * valueHeadStride() + t * headDim.
  float* keys(int64_t slot, int64_t layer) const { return block(slot, layer); }
  float* values(int64_t slot, int64_t layer) const { return block(slot, layer) + extents_.kvHeads * keyHeadStride(); }
  int64_t keyHeadStride() const { return headFloats_; }
  int64_t valueHeadStride() const { return headFloats_; }

  // Copies positions [begin, end) of one slot to the same positions of another, in all layers; whole key panels, so both
  // slots must hold the same tokens before `begin`.
  void copy(int64_t from, int64_t to, int64_t begin, int64_t end);

  // Gives back the memory of positions [begin, end) of a slot, both at the borders of panels; nothing where unbounded.
  void release(int64_t slot, int64_t begin, int64_t end);

 private:
  struct Free {
    size_t bytes;
    void operator()(void* memory) const;
  };
  float* block(int64_t slot, int64_t layer) const {
    return data_ + (slot * extents_.layers + layer) * 2 * extents_.kvHeads * headFloats_;
  }
  KvCacheExtents extents_;
  int64_t headFloats_;  // of one head's keys, and of its values
  std::unique_ptr<void, Free> memory_;
  float* data_;
};

}  // namespace parl
