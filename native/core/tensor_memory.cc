#include "core/tensor_memory.h"

#include <new>

// Under AddressSanitizer every buffer has a block of its own, so that what runs over its end is seen.
#if defined(__linux__) && !defined(__SANITIZE_ADDRESS__)
#include <sys/mman.h>

#include <mutex>
#define PARL_SLABS 1
#else
#include <cstring>
#endif

namespace parl {
namespace {

constexpr int64_t kLine = 64;
int64_t roundedUp(int64_t bytes, int64_t unit) { return (bytes + unit - 1) / unit * unit; }

#ifdef PARL_SLABS
constexpr int64_t kHugePage = int64_t{2} << 20;
constexpr int64_t kSlab = int64_t{32} << 20;
constexpr int64_t kOwnSlab = kSlab / 4;  // larger buffers would leave much of a slab unused
// From the end of a buffer to the next one: sizes are often multiples of a page, and buffers that all begin at one would compete for a few
// sets of the first cache.
constexpr int64_t kGap = 5 * kLine;

// Of a huge page that would be used for less than this, small pages take the place.
constexpr int64_t kLeastOfHugePage = kHugePage / 4;

std::shared_ptr<void> newSlab(int64_t bytes) {
  const int64_t rest = bytes % kHugePage, onHugePages = rest < kLeastOfHugePage ? bytes - rest : roundedUp(bytes, kHugePage);
  const auto mapped = static_cast<size_t>(roundedUp(bytes, kHugePage) + kHugePage);  // room to begin at a huge page
  void* const memory = mmap(nullptr, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) throw std::bad_alloc();
  const auto behind = static_cast<int64_t>(reinterpret_cast<uintptr_t>(memory) % kHugePage);
  std::byte* const aligned = static_cast<std::byte*>(memory) + (behind == 0 ? 0 : kHugePage - behind);
  madvise(aligned, static_cast<size_t>(onHugePages), MADV_HUGEPAGE);  // advice: a system without them goes on with small pages
  return {aligned, [memory, mapped](void*) { munmap(memory, mapped); }};
}

std::mutex mutex;
std::shared_ptr<void> current;  // the slab that small buffers are cut from
int64_t used = 0;               // bytes of it
int64_t large = 0;              // buffers with a slab of their own so far
#endif

}  // namespace

#ifdef PARL_SLABS
TensorBuffer allocateTensorBuffer(int64_t bytes) {
  std::lock_guard lock(mutex);
  if (bytes > kOwnSlab) {
    const int64_t offset = large++ * kGap % 4096;
    std::shared_ptr<void> slab = newSlab(offset + bytes);
    return {static_cast<std::byte*>(slab.get()) + offset, std::move(slab)};
  }
  const int64_t size = roundedUp(bytes, kLine);
  if (current == nullptr || used + size > kSlab) {
    current = newSlab(kSlab);
    used = 0;
  }
  std::byte* const data = static_cast<std::byte*>(current.get()) + used;
  used += size + kGap;
  return {data, current};
}
#else
TensorBuffer allocateTensorBuffer(int64_t bytes) {
  constexpr std::align_val_t kAlignment{kLine};
  const auto size = static_cast<size_t>(roundedUp(bytes, kLine));
  auto* const data = static_cast<std::byte*>(::operator new(size, kAlignment));
  std::memset(data, 0, size);
  return {data, {data, [kAlignment](void* block) { ::operator delete(block, kAlignment); }}};
}
#endif

}  // namespace parl
