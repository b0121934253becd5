// Quantised tensors of GGUF files as float32, block by block. Layouts and arithmetic are those of the `gguf` Python package
// (0.19.0, quants.py): every value is computed in float32 in the order written there, so the result is the same bit for bit
// on every instruction set. https://github.com/ggml-org/ggml/blob/master/src/ggml-quants.c has the same layouts in C.
#pragma once

#include <cstdint>

#include "core/isa.h"

namespace parl {

// Numbers of ggml; only types that are read here.
enum class BlockType : int32_t {
  f32 = 0, f16 = 1, q4_0 = 2, q4_1 = 3, q5_0 = 6, q5_1 = 7, q8_0 = 8, q2_K = 10, q3_K = 11, q4_K = 12, q5_K = 13, q6_K = 14,
  iq4_nl = 20, iq4_xs = 23, bf16 = 30, tq1_0 = 34, tq2_0 = 35, mxfp4 = 39,
};

struct BlockFormat {
  int64_t elements = 0, bytes = 0;  // of one block; zeros where the type is not read
};
BlockFormat blockFormat(BlockType type);

//   blocks [count * bytes], any alignment (read); out [count * elements] (overwritten)
// Deterministic, any number of threads. Work: one read of the blocks and one write of the floats, bound by memory.
void dequantize(BlockType type, const uint8_t* blocks, float* out, int64_t count);

PARL_KERNEL(void, dequantizeBlocks, (BlockType type, const uint8_t* blocks, float* out, int64_t count))

}  // namespace parl
