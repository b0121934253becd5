// Which calls of a trajectory are redundant: they repeat an earlier one that could only give the same answer.
#pragma once

#include <cstdint>
#include <span>

namespace parl {

//   callHashes     [C]      equal where the calls are the same                                   (read)
//   stateVersions  [C]      of the state that the call reads, before it runs; equal = unchanged  (read)
//   failed         [C]      non-zero where the call ended in an error                            (read)
//   offsets        [T + 1]  trajectory t holds calls offsets[t] .. offsets[t + 1] - 1, in order  (read)
//   out            [C]      1 where an earlier call of the trajectory has the same hash and      (overwritten)
//                           the same state version, or the same hash and both failed; else 0
// Work O(C log C), one thread.
void repeatedCalls(std::span<const uint64_t> callHashes, std::span<const int32_t> stateVersions,
                   std::span<const uint8_t> failed, std::span<const int32_t> offsets, std::span<uint8_t> out);

}  // namespace parl
