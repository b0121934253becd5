#include "core/kv_cache.h"

#include <cstdlib>
#include <cstring>
#include <new>

#include "core/attention.h"

namespace parl {
namespace {
constexpr int64_t kAlignment = 64;
}

int64_t KvCache::bytes(const KvCacheExtents& e) {
  const int64_t headFloats = keyPanelFloats(e.tokensPerSlot, e.headDim);
  return e.slots * e.layers * 2 * e.kvHeads * headFloats * static_cast<int64_t>(sizeof(float)) + kAlignment;
}

void KvCache::Free::operator()(void* memory) const { std::free(memory); }

KvCache::KvCache(const KvCacheExtents& extents)
    : extents_(extents),
      headFloats_(keyPanelFloats(extents.tokensPerSlot, extents.headDim)),
      memory_(std::calloc(1, static_cast<size_t>(bytes(extents)))) {
  if (!memory_) throw std::bad_alloc();
  const auto address = reinterpret_cast<uintptr_t>(memory_.get());
  data_ = reinterpret_cast<float*>((address + kAlignment - 1) / kAlignment * kAlignment);
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

}  // namespace parl
