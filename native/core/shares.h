// How items of unequal length are dealt to threads that take the next one as they get free.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace parl {

// Indices by length, the longest first, equal ones in their order: so threads end at about the same time.
std::vector<size_t> longestFirst(std::span<const int64_t> lengths);

// Whether so many threads would: none has a quarter more to do than its share.
bool isBalanced(std::span<const int64_t> lengths, int64_t threads);

}  // namespace parl
