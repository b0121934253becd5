#include "core/shares.h"

#include <algorithm>
#include <numeric>

namespace parl {
namespace {

constexpr double kMostImbalance = 1.25;

}  // namespace

std::vector<size_t> longestFirst(std::span<const int64_t> lengths) {
  std::vector<size_t> order(lengths.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return lengths[a] > lengths[b]; });
  return order;
}

bool isBalanced(std::span<const int64_t> lengths, int64_t threads) {
  std::vector<int64_t> loads(static_cast<size_t>(threads), 0);
  int64_t total = 0;
  for (const size_t i : longestFirst(lengths)) {
    *std::min_element(loads.begin(), loads.end()) += lengths[i];
    total += lengths[i];
  }
  const int64_t most = *std::max_element(loads.begin(), loads.end());
  return static_cast<double>(most * threads) <= kMostImbalance * static_cast<double>(total);
}

}  // namespace parl
