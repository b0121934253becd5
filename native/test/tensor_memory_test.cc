#include "core/tensor_memory.h"

#include <algorithm>
#include <cstring>
#include <thread>
#include <utility>
#include <vector>

#include "check.h"

namespace {

using parl::TensorBuffer;

bool isZero(const TensorBuffer& buffer, int64_t bytes) {
  return std::all_of(buffer.data, buffer.data + bytes, [](std::byte byte) { return byte == std::byte{0}; });
}

}  // namespace

TEST(tensor_memory_is_aligned_zero_and_apart) {
  std::vector<std::pair<TensorBuffer, int64_t>> all;
  // Small ones fill more than a slab; large ones have their own.
  for (int64_t bytes : {0, 1, 64, 4096, 100'000, 7'000'000, 7'000'000, 7'000'000, 7'000'000, 7'000'000, 9'000'000, 40'000'000}) {
    all.emplace_back(parl::allocateTensorBuffer(bytes), bytes);
    CHECK(reinterpret_cast<uintptr_t>(all.back().first.data) % 64 == 0);
    CHECK(isZero(all.back().first, bytes));
    std::memset(all.back().first.data, static_cast<int>(all.size()), static_cast<size_t>(bytes));
  }
  for (size_t i = 0; i < all.size(); ++i) {
    const auto& [buffer, bytes] = all[i];
    CHECK(std::all_of(buffer.data, buffer.data + bytes, [&](std::byte byte) { return byte == static_cast<std::byte>(i + 1); }));
  }
}

TEST(tensor_memory_outlives_its_neighbours) {
  TensorBuffer kept = parl::allocateTensorBuffer(5000);
  std::memset(kept.data, 7, 5000);
  // Several slabs come and go.
  for (int i = 0; i < 30; ++i) CHECK(isZero(parl::allocateTensorBuffer(8'000'000), 8'000'000));
  CHECK(kept.data[0] == std::byte{7} && kept.data[4999] == std::byte{7});
}

TEST(tensor_memory_is_given_to_several_threads) {
  std::vector<TensorBuffer> all[4];
  std::vector<std::thread> threads;
  for (auto& own : all) {
    threads.emplace_back([&own] {
      for (int i = 0; i < 200; ++i) own.push_back(parl::allocateTensorBuffer(4096 * (1 + i % 5)));
    });
  }
  for (auto& thread : threads) thread.join();
  std::vector<std::byte*> places;
  for (const auto& own : all) {
    for (const TensorBuffer& buffer : own) places.push_back(buffer.data);
  }
  std::sort(places.begin(), places.end());
  for (size_t i = 1; i < places.size(); ++i) CHECK(places[i] - places[i - 1] >= 4096);
}
