#include "core/repeated_calls.h"

#include <algorithm>
#include <numeric>
#include <tuple>
#include <vector>

namespace parl {

void repeatedCalls(std::span<const uint64_t> callHashes, std::span<const int32_t> stateVersions,
                   std::span<const uint8_t> failed, std::span<const int32_t> offsets, std::span<uint8_t> out) {
  std::vector<size_t> order;
  for (size_t t = 0; t + 1 < offsets.size(); ++t) {
    order.resize(static_cast<size_t>(offsets[t + 1] - offsets[t]));
    std::iota(order.begin(), order.end(), static_cast<size_t>(offsets[t]));
    // Rule 1: within a run of one (hash, version), all but the earliest repeat it.
    std::sort(order.begin(), order.end(), [&](size_t a, size_t b) {
      return std::tuple(callHashes[a], stateVersions[a], a) < std::tuple(callHashes[b], stateVersions[b], b);
    });
    for (size_t i = 0; i < order.size(); ++i) {
      const size_t call = order[i];
      out[call] = i > 0 && callHashes[order[i - 1]] == callHashes[call] && stateVersions[order[i - 1]] == stateVersions[call];
    }
    // Rule 2: within a run of one hash among the failures, all but the earliest fail again.
    std::sort(order.begin(), order.end(), [&](size_t a, size_t b) {
      return std::tuple(failed[a] == 0, callHashes[a], a) < std::tuple(failed[b] == 0, callHashes[b], b);
    });
    for (size_t i = 1; i < order.size() && failed[order[i]] != 0; ++i) {
      if (callHashes[order[i - 1]] == callHashes[order[i]]) out[order[i]] = 1;
    }
  }
}

}  // namespace parl
