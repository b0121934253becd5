#include "core/dequantize.h"

#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "check.h"
#include "core/thread_pool.h"

namespace {

using parl::BlockType;

constexpr BlockType kTypes[] = {BlockType::f32,  BlockType::f16,  BlockType::q4_0,   BlockType::q4_1,   BlockType::q5_0,  BlockType::q5_1,
                                BlockType::q8_0, BlockType::q2_K, BlockType::q3_K,   BlockType::q4_K,   BlockType::q5_K,  BlockType::q6_K,
                                BlockType::bf16, BlockType::iq4_nl, BlockType::iq4_xs, BlockType::tq1_0, BlockType::tq2_0, BlockType::mxfp4};

std::vector<uint8_t> mixedBytes(size_t count) {
  std::vector<uint8_t> values(count);
  for (size_t i = 0; i < count; ++i) values[i] = static_cast<uint8_t>(127.5f * (parl::test::mixed(7, static_cast<uint32_t>(i)) + 1.0f));
  return values;
}

float one(BlockType type, std::vector<uint8_t> bytes) {
  float out = -7;
  parl::dequantize(type, bytes.data(), &out, 1);
  return out;
}

}  // namespace

TEST(dequantize_widens_halves_exactly) {
  CHECK(one(BlockType::f16, {0x00, 0x3c}) == 1.0f);
  CHECK(one(BlockType::f16, {0x00, 0xc2}) == -3.0f);
  CHECK(one(BlockType::f16, {0x01, 0x00}) == std::ldexp(1.0f, -24));
  CHECK(one(BlockType::f16, {0xff, 0x83}) == std::ldexp(-1023.0f, -24));
  CHECK(one(BlockType::f16, {0xff, 0x7b}) == 65504.0f);
  CHECK(one(BlockType::f16, {0x00, 0xfc}) == -std::numeric_limits<float>::infinity());
  CHECK(std::isnan(one(BlockType::f16, {0x01, 0x7e})));
  CHECK(std::signbit(one(BlockType::f16, {0x00, 0x80})) && one(BlockType::f16, {0x00, 0x80}) == 0.0f);
  CHECK(one(BlockType::bf16, {0x80, 0x3f}) == 1.0f);
  CHECK(one(BlockType::bf16, {0x49, 0xc0}) == -3.140625f);
}

// Scale 2 (0x4000), minimum 0.5 (0x3800), every byte of quants 0x21: low nibble 1, high nibble 2.
TEST(dequantize_four_bit_blocks) {
  std::vector<uint8_t> q4_0 = {0x00, 0x40}, q4_1 = {0x00, 0x40, 0x00, 0x38};
  q4_0.insert(q4_0.end(), 16, 0x21);
  q4_1.insert(q4_1.end(), 16, 0x21);
  std::vector<float> zero(32), first(32);
  parl::dequantize(BlockType::q4_0, q4_0.data(), zero.data(), 1);
  parl::dequantize(BlockType::q4_1, q4_1.data(), first.data(), 1);
  for (size_t i = 0; i < 32; ++i) {
    CHECK(zero[i] == (i < 16 ? -14.0f : -12.0f));
    CHECK(first[i] == (i < 16 ? 2.5f : 4.5f));
  }
}

// d = 0.1 and m = 0.3 as halves: d * q + m is rounded after the product, which a fused multiply-add would not do.
TEST(dequantize_rounds_the_product) {
  std::vector<uint8_t> block = {0x66, 0x2e, 0xcd, 0x34};
  for (int q = 0; q < 16; ++q) block.push_back(static_cast<uint8_t>(q));
  std::vector<float> out(32);
  parl::dequantize(BlockType::q4_1, block.data(), out.data(), 1);
  for (int q = 0; q < 16; ++q) {
    const volatile float product = 0.0999755859375f * static_cast<float>(q);
    const volatile float sum = product + 0.300048828125f;
    CHECK(out[static_cast<size_t>(q)] == sum);
  }
}

TEST(dequantize_gives_the_same_bits_on_any_number_of_threads_and_alignment) {
  for (const BlockType type : kTypes) {
    const auto [elements, bytes] = parl::blockFormat(type);
    const int64_t count = 300000 / elements;
    const auto blocks = mixedBytes(static_cast<size_t>(count * bytes) + 1);
    std::vector<float> first(static_cast<size_t>(count * elements)), again(first.size());
    parl::setThreadCount(1);
    parl::dequantize(type, blocks.data() + 1, first.data(), count);
    parl::setThreadCount(3);
    parl::dequantize(type, blocks.data() + 1, again.data(), count);
    CHECK(std::memcmp(first.data(), again.data(), first.size() * sizeof(float)) == 0);
    // A block alone gives its part of the whole.
    parl::dequantize(type, blocks.data() + 1 + (count - 1) * bytes, again.data(), 1);
    CHECK(std::memcmp(first.data() + (count - 1) * elements, again.data(), static_cast<size_t>(elements) * sizeof(float)) == 0);
  }
  parl::setThreadCount(2);
}

TEST(dequantize_knows_no_other_type) {
  for (const int type : {-1, 4, 5, 9, 15, 16, 24, 28, 40, 1000}) CHECK(parl::blockFormat(static_cast<BlockType>(type)).elements == 0);
}
