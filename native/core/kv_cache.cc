#include "core/kv_cache.h"

#include <algorithm>
#include <cstring>
#include <new>

#include <sys/mman.h>
#include <unistd.h>

#include "core/attention.h"

namespace parl {
namespace {

constexpr int64_t kFloatBytes = static_cast<int64_t>(sizeof(float));

int64_t pageBytes() {
  static const int64_t bytes = sysconf(_SC_PAGESIZE);
  return bytes;
}
int64_t roundUp(int64_t value, int64_t unit) { return (value + unit - 1) / unit * unit; }

// Keys (or values) of one head of a slot. Where memory is given back, each begins a page of its own.
int64_t headFloats(const KvCacheExtents& e) {
  const int64_t floats = keyPanelFloats(e.tokensPerSlot, e.headDim);
  return e.isBounded() ? roundUp(floats, pageBytes() / kFloatBytes) : floats;
}
int64_t headsOf(const KvCacheExtents& e) { return e.layers * 2 * e.kvHeads; }
int64_t addressBytes(const KvCacheExtents& e) { return e.slots * headsOf(e) * headFloats(e) * kFloatBytes; }

}  // namespace

bool KvCacheExtents::isBounded() const { return budget < slots * roundUp(tokensPerSlot, kKeyPanel); }

int64_t KvCache::bytes(const KvCacheExtents& e) {
  if (!e.isBounded()) return addressBytes(e);
  const int64_t panels = e.budget / kKeyPanel;
  const int64_t panelBytes = kKeyPanel * e.headDim * kFloatBytes;
  // A panel that is no whole number of pages leaves one unfilled at the end of each head of a slot.
  const int64_t slop = panelBytes % pageBytes() == 0 ? 0 : std::min(e.slots, panels) * headsOf(e) * pageBytes();
  return std::min(addressBytes(e), panels * headsOf(e) * panelBytes + slop);
}

void KvCache::Free::operator()(void* memory) const { munmap(memory, bytes); }

KvCache::KvCache(const KvCacheExtents& extents) : extents_(extents), headFloats_(headFloats(extents)), data_(nullptr) {
  const size_t size = static_cast<size_t>(addressBytes(extents));
  // The system would refuse more addresses than it has memory, although a bounded cache fills few of them.
  const int flags = MAP_PRIVATE | MAP_ANONYMOUS | (extents.isBounded() ? MAP_NORESERVE : 0);
  void* memory = mmap(nullptr, size, PROT_READ | PROT_WRITE, flags, -1, 0);
  if (memory == MAP_FAILED) throw std::bad_alloc();
  memory_ = std::unique_ptr<void, Free>(memory, Free{size});
#ifdef MADV_HUGEPAGE
  // A step of a batch reads all of it, and on small pages looks up an address for every 4 KiB. Of a bounded one a huge page would span more than
  // the budget knows of.
  madvise(memory, size, extents.isBounded() ? MADV_NOHUGEPAGE : MADV_HUGEPAGE);
#endif
  data_ = static_cast<float*>(memory);
}

void KvCache::copy(int64_t from, int64_t to, int64_t begin, int64_t end) {
  if (begin >= end || from == to) return;
  const int64_t firstPanel = begin / kKeyPanel * kKeyPanel;
  const size_t keyBytes = static_cast<size_t>(keyPanelFloats(end - firstPanel, extents_.headDim)) * sizeof(float);
  const size_t valueBytes = static_cast<size_t>((end - begin) * extents_.headDim) * sizeof(float);
  for (int64_t layer = 0; layer < extents_.layers; ++layer) {
    for (int64_t head = 0; head < extents_.kvHeads; ++head) {
      const int64_t keyOffset = head * keyHeadStride() + firstPanel * extents_.headDim;
      std::memcpy(keys(to, layer) + keyOffset, keys(from, layer) + keyOffset, keyBytes);
      const int64_t valueOffset = head * valueHeadStride() + begin * extents_.headDim;
      std::memcpy(values(to, layer) + valueOffset, values(from, layer) + valueOffset, valueBytes);
    }
  }
}

void KvCache::release(int64_t slot, int64_t begin, int64_t end) {
  if (!extents_.isBounded() || begin >= end) return;
  const int64_t tokenBytes = extents_.headDim * kFloatBytes;
  const int64_t first = roundUp(begin * tokenBytes, pageBytes());
  const int64_t last = roundUp(std::min(roundUp(end, kKeyPanel) * tokenBytes, headFloats_ * kFloatBytes), pageBytes());
  if (first >= last) return;
  for (int64_t layer = 0; layer < extents_.layers; ++layer) {
    for (int64_t head = 0; head < 2 * extents_.kvHeads; ++head) {
      char* memory = reinterpret_cast<char*>(keys(slot, layer) + head * headFloats_);
      madvise(memory + first, static_cast<size_t>(last - first), MADV_DONTNEED);
    }
  }
}

}  // namespace parl
