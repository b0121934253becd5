// Philox4x32-10: a random block is a pure function of (counter, key), so any position of any stream can be drawn alone.
// Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011, section 3.3 and table 2.
#pragma once

#include <array>
#include <cstdint>

namespace parl {

using PhiloxBlock = std::array<uint32_t, 4>;

// The block at `counter` of the stream `key`; least significant word first in both.
inline PhiloxBlock philox4x32(PhiloxBlock counter, std::array<uint32_t, 2> key) {
  for (int round = 0; round < 10; ++round) {
    const uint64_t a = uint64_t{0xD2511F53u} * counter[0];
    const uint64_t b = uint64_t{0xCD9E8D57u} * counter[2];
    counter = {static_cast<uint32_t>(b >> 32) ^ counter[1] ^ key[0], static_cast<uint32_t>(b),
               static_cast<uint32_t>(a >> 32) ^ counter[3] ^ key[1], static_cast<uint32_t>(a)};
    key[0] += 0x9E3779B9u;  // golden ratio
    key[1] += 0xBB67AE85u;  // sqrt(3) - 1
  }
  return counter;
}

// The uniform number of `seed` at `position`: a multiple of 2^-53 in [0, 1), from the first two words of the block.
inline double uniformAt(uint64_t seed, uint64_t position) {
  const PhiloxBlock block = philox4x32({static_cast<uint32_t>(position), static_cast<uint32_t>(position >> 32), 0, 0},
                                       {static_cast<uint32_t>(seed), static_cast<uint32_t>(seed >> 32)});
  const uint64_t high = block[0] >> 5, low = block[1] >> 6;
  return static_cast<double>(high * 67108864u + low) * (1.0 / 9007199254740992.0);
}

}  // namespace parl
