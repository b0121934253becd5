#include "core/counter_rng.h"

#include <vector>

#include "check.h"
#include "core/philox.h"

using parl::CounterGenerator;

// Published vectors of Random123 (kat_vectors): counters and keys of zeros.
TEST(counter_blocks_of_zeros_are_the_published_ones) {
  struct Vector {
    CounterGenerator generator;
    std::vector<uint64_t> block;
  };
  const std::vector<Vector> vectors = {
      {CounterGenerator::philox2x32, {0xff1dae59, 0x6cd10df2}},
      {CounterGenerator::philox4x32, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
      {CounterGenerator::philox2x64, {0xca00a0459843d731ull, 0x66c24222c9a845b5ull}},
      {CounterGenerator::philox4x64, {0x16554d9eca36314cull, 0xdb20fe9d672d0fdcull, 0xd7e772cee186176bull, 0x7e68b68aec7ba23bull}},
      {CounterGenerator::threefry2x32, {0x6b200159, 0x99ba4efe}},
      {CounterGenerator::threefry4x32, {0x9c6ca96a, 0xe17eae66, 0xfc10ecd4, 0x5256a7d8}},
      {CounterGenerator::threefry2x64, {0xc2b6e3a8c2c69865ull, 0x6f81ed42f350084dull}},
      {CounterGenerator::threefry4x64, {0x09218ebde6c85537ull, 0x55941f5266d86105ull, 0x4bd25e16282434dcull, 0xee29ec846bd2e40bull}},
  };
  for (const Vector& vector : vectors) {
    const auto shape = parl::counterShape(vector.generator);
    const std::vector<uint64_t> counter(static_cast<size_t>(shape.words)), key(static_cast<size_t>(shape.keyWords));
    std::vector<uint64_t> block(counter.size());
    parl::counterBlock(vector.generator, shape.rounds, counter, key, block);
    CHECK(block == vector.block);
  }
}

TEST(counter_philox_is_the_sampler_s) {
  for (uint32_t i = 0; i < 50; ++i) {
    const std::vector<uint64_t> counter = {i, i * 7919u, ~i, 5}, key = {i * 31, 0xdeadbeefu};
    std::vector<uint64_t> block(4);
    parl::counterBlock(CounterGenerator::philox4x32, 10, counter, key, block);
    const auto theirs = parl::philox4x32({i, i * 7919u, ~i, 5}, {i * 31, 0xdeadbeefu});
    for (size_t w = 0; w < 4; ++w) CHECK(block[w] == theirs[w]);
  }
}

TEST(counter_streams_count_up_with_carry) {
  const std::vector<uint64_t> key = {3}, start = {0xffffffffu, 0xffffffffu}, wrapped = {0, 0};
  std::vector<uint32_t> words(5);
  parl::counterStream(CounterGenerator::philox2x32, 10, start, key, words);
  std::vector<uint64_t> block(2);
  parl::counterBlock(CounterGenerator::philox2x32, 10, wrapped, key, block);
  CHECK(words[2] == block[0] && words[3] == block[1]);
  // A 64-bit word gives its low half first, and the counter carries from word to word.
  const std::vector<uint64_t> wide = {~uint64_t{0}, 4}, next = {0, 5};
  parl::counterStream(CounterGenerator::philox2x64, 10, wide, key, words);
  parl::counterBlock(CounterGenerator::philox2x64, 10, next, key, block);
  CHECK(words[4] == static_cast<uint32_t>(block[0]));
}
