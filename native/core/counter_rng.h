// Counter-based random numbers: a block is a pure function of (counter, key), so any position of any stream can be drawn alone.
// Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011: Philox and Threefry of 2 or 4 words of 32 or
// 64 bits, with any number of rounds. Least significant word first. (philox.h is Philox4x32-10 by itself, for the sampler.)
#pragma once

#include <cstdint>
#include <span>

namespace parl {

enum class CounterGenerator { philox2x32 = 0, philox4x32 = 1, philox2x64 = 2, philox4x64 = 3, threefry2x32 = 4, threefry4x32 = 5,
                              threefry2x64 = 6, threefry4x64 = 7 };

struct CounterShape {
  int words;     // of a block and of a counter: 2 or 4
  int keyWords;  // philox: words / 2; threefry: words
  int bits;      // of a word: 32 or 64
  int rounds;    // usual number: 10 and 20
};
CounterShape counterShape(CounterGenerator generator);

// The block at `counter`. Words of 32 bits stand in the low half.
//   counter [words], key [keyWords] (read), block [words] (overwritten, may be counter)
void counterBlock(CounterGenerator generator, int rounds, std::span<const uint64_t> counter, std::span<const uint64_t> key,
                  std::span<uint64_t> block);

// 32-bit words of the stream from `counter` on: block i is at counter + i, with carry, its words in order; a 64-bit word gives
// its low half first.
//   out [any] (overwritten)
void counterStream(CounterGenerator generator, int rounds, std::span<const uint64_t> counter, std::span<const uint64_t> key,
                   std::span<uint32_t> out);

}  // namespace parl
