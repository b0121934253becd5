#include "core/prefix_plan.h"

#include <algorithm>
#include <numeric>

namespace parl {
namespace {

// A wave more costs a pass over the weights: worth it only for this many tokens that need not be computed.
constexpr int64_t kWorthWaiting = 16;

int64_t commonPrefix(std::span<const int32_t> a, std::span<const int32_t> b) {
  const size_t most = std::min(a.size(), b.size());
  return std::mismatch(a.begin(), a.begin() + static_cast<std::ptrdiff_t>(most), b.begin()).first - a.begin();
}

}  // namespace

std::vector<PrefixReuse> planPrefixes(std::span<const PrefixRequest> requests,
                                      std::span<const std::vector<int32_t>> slotTokens) {
  const size_t count = requests.size();
  std::vector<PrefixReuse> plan(count);
  std::vector<int64_t> retained(slotTokens.size(), INT64_MAX);  // what a slot still holds once this call has begun
  for (size_t i = 0; i < count; ++i) {
    const auto& [slot, prompt] = requests[i];
    plan[i].kept = std::min(commonPrefix(prompt, slotTokens[static_cast<size_t>(slot)]), static_cast<int64_t>(prompt.size()) - 1);
    plan[i].reused = plan[i].kept;
    retained[static_cast<size_t>(slot)] = plan[i].kept;
  }
  for (size_t i = 0; i < count; ++i) {
    const auto& prompt = requests[i].prompt;
    for (size_t s = 0; s < slotTokens.size(); ++s) {
      const int64_t length = std::min({commonPrefix(prompt, slotTokens[s]), retained[s], static_cast<int64_t>(prompt.size()) - 1});
      if (length > plan[i].reused) {
        plan[i].reused = length;
        plan[i].source = static_cast<int>(s);
      }
    }
  }

  // In lexicographic order the longest common prefix with any earlier prompt is the one with the prompt before.
  std::vector<size_t> order(count);
  std::iota(order.begin(), order.end(), size_t{0});
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    const auto &x = requests[a].prompt, &y = requests[b].prompt;
    const auto compared = std::lexicographical_compare_three_way(x.begin(), x.end(), y.begin(), y.end());
    if (compared != 0) return compared < 0;
    if (plan[a].reused != plan[b].reused) return plan[a].reused > plan[b].reused;  // the cheapest of equals leads
    return a < b;
  });
  std::vector<int64_t> withBefore(count, 0);
  for (size_t k = 1; k < count; ++k) withBefore[k] = commonPrefix(requests[order[k]].prompt, requests[order[k - 1]].prompt);
  for (size_t k = 1; k < count; ++k) {
    const int64_t length = withBefore[k];
    size_t first = k - 1;  // the first in order with which this prompt shares `length` tokens: it comes in an early wave
    while (first > 0 && withBefore[first] >= length) --first;
    PrefixReuse& mine = plan[order[k]];
    const PrefixRequest& request = requests[order[k]];
    const size_t size = request.prompt.size();
    if (static_cast<size_t>(length) == size && requests[order[k - 1]].prompt.size() == size) {
      const size_t before = order[k - 1];
      mine.duplicateOf = plan[before].duplicateOf >= 0 ? plan[before].duplicateOf : static_cast<int>(before);
      const size_t leader = static_cast<size_t>(mine.duplicateOf);
      mine.source = requests[leader].slot;
      mine.reused = static_cast<int64_t>(size);
      mine.wave = plan[leader].wave + 1;
      continue;
    }
    const int64_t shared = std::min(length, static_cast<int64_t>(size) - 1);
    if (shared - mine.reused < kWorthWaiting) continue;
    mine.reused = shared;
    mine.source = requests[order[first]].slot;
    mine.wave = plan[order[first]].wave + 1;
  }
  return plan;
}

}  // namespace parl
