// Which part of each prompt need not be computed again, and where its keys and values come from.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace parl {

struct PrefixRequest {
  int slot;
  std::span<const int32_t> prompt;  // not empty
};

// One request's share of the plan. The prompt's positions [0, kept) lie in its slot already, [kept, reused) are copied
// from slot `source`, [reused, size) are computed. A duplicate has an equal prompt computed elsewhere: reused = size.
struct PrefixReuse {
  int64_t kept = 0;
  int64_t reused = 0;
  int source = -1;       // slot to copy from, or -1
  int duplicateOf = -1;  // index of the request whose last hidden state serves this one too, or -1
  int wave = 0;          // requests of wave w copy what waves < w computed; slots' former contents are copied in wave 0
};

// slotTokens[s] = the tokens whose keys and values slot s holds. Slots of `requests` are distinct. At least the last
// token of every prompt that is no duplicate is computed, since its hidden state is what the first new token needs.
std::vector<PrefixReuse> planPrefixes(std::span<const PrefixRequest> requests,
                                      std::span<const std::vector<int32_t>> slotTokens);

}  // namespace parl
