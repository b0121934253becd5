#include "core/dequantize.h"

#include "core/thread_pool.h"

namespace parl {

constexpr int64_t kGrainFloats = int64_t{1} << 16;

BlockFormat blockFormat(BlockType type) {
  switch (type) {
    case BlockType::f32: return {1, 4};
    case BlockType::f16: return {1, 2};
    case BlockType::bf16: return {1, 2};
    case BlockType::q4_0: return {32, 18};
    case BlockType::q4_1: return {32, 20};
    case BlockType::q5_0: return {32, 22};
    case BlockType::q5_1: return {32, 24};
    case BlockType::q8_0: return {32, 34};
    case BlockType::q2_K: return {256, 84};
    case BlockType::q3_K: return {256, 110};
    case BlockType::q4_K: return {256, 144};
    case BlockType::q5_K: return {256, 176};
    case BlockType::q6_K: return {256, 210};
    case BlockType::iq4_nl: return {32, 18};
    case BlockType::iq4_xs: return {256, 136};
    case BlockType::tq1_0: return {256, 54};
    case BlockType::tq2_0: return {256, 66};
    case BlockType::mxfp4: return {32, 17};
  }
  return {};
}

void dequantize(BlockType type, const uint8_t* blocks, float* out, int64_t count) {
  const BlockFormat format = blockFormat(type);
  if (format.elements == 0) return;
  parallelFor(count, kGrainFloats / format.elements, [&](int64_t begin, int64_t end) {
    PARL_DISPATCH(dequantizeBlocks)(type, blocks + begin * format.bytes, out + begin * format.elements, end - begin);
  });
}

}  // namespace parl
