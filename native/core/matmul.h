// Matrix product: out[m,n] (+)= op(a)[m,k] op(b)[k,n], float32, row-major.
//
// Every out[i][j] is one chain over ascending p: acc = fma(a[i][p], b[p][j], acc), started from 0, or from the old
// out[i][j] when accumulating. So its bits depend on row i of op(a) and column j of op(b) only: not on m, n, the tile it
// falls in or the number of threads; and splitting k over several accumulating calls changes nothing either.
#pragma once

#include <cstdint>
#include <span>

#include "core/bf16.h"
#include "core/isa.h"
#include "core/weight_data.h"

namespace parl {

struct MatmulShape {
  int64_t m, n, k;
  bool transposeA = false;  // a is stored [k, m]
  bool transposeB = false;  // b is stored [n, k]: a Hugging Face weight [out, in] in y = x W^T
  bool accumulate = false;  // add to out instead of overwriting it
  int64_t aStride = 0;      // floats from a row of a as it is stored to the next; 0: they lie behind each other
  int64_t outStride = 0;    // likewise of out
};

// out overlaps neither a nor b. k = 0 gives zeros (or leaves out as it is when accumulating).
void matmul(const float* a, WeightData b, float* out, const MatmulShape& shape);

// out[m,n] = a[m,k] b^T for several weights b [n, k], with the bits of matmul(). Of a few rows the threads take all products as one, and meet
// once.
struct WeightProduct {
  WeightData b;
  float* out;
  int64_t n;
};
void matmulEach(const float* a, std::span<const WeightProduct> products, int64_t m, int64_t k);

// out[m,n] = a^T b for several a [k, m] with one b [k, n], with the bits of matmul(): the gradients of weights that read the same input,
// which is packed once.
struct GradientProduct {
  const float* a;
  float* out;
  int64_t m;
};
void matmulGradients(std::span<const GradientProduct> products, const float* b, int64_t n, int64_t k);

// One rectangle of a product, on the calling thread, for kernels that work on tiles. op(a)[i][p] is
// a[i * aRow + p * aDepth], op(b)[p][j] is b[p * bDepth + j * bColumn], out[i][j] is out[i * outRow + j];
// one of each pair of input strides is 1.
struct MatmulBlock {
  const float* a;
  int64_t aRow, aDepth;
  const float* b;
  int64_t bDepth, bColumn;
  float* out;
  int64_t outRow;
  int64_t m, n, k;
  bool accumulate;
  const Bf16* bHalves = nullptr;  // in place of b
};
constexpr int64_t kMatmulColumnBlock = 1024;
constexpr int64_t kMatmulColumnFloats = 576 * kMatmulColumnBlock;  // packed b
constexpr int64_t kMatmulRowFloats = (576 + 16) * 168 + 16;         // packed a, overrun of vector stores
constexpr int64_t kMatmulScratchFloats = kMatmulColumnFloats + kMatmulRowFloats;
PARL_KERNEL(void, matmulBlock, (const MatmulBlock& block, float* scratch))

// The same in two passes, for threads that share the packed columns. For each block of at most kMatmulColumnBlock columns, for each
// slice of so many steps at most, in order:
struct MatmulBlocking {
  int64_t depth, inPlaceDepth;  // the second where nothing is packed (readsOperandsInPlace)
  int64_t tileRows, fewRows;    // up to fewRows rows a rectangle packs no columns, where those lie as rows
};
struct MatmulSlice {
  int64_t p0, depth, j0, columns;
  bool hasPackedRows;  // packedA holds the rows of this slice from before
};
PARL_KERNEL(MatmulBlocking, matmulBlocking, ())
// Whether nothing of a product is worth packing: then the first pass falls away, and packedB of the second is null.
PARL_KERNEL(bool, readsOperandsInPlace, (const MatmulBlock& block))
// packs columns begin .. end of the slice; begin is a multiple of 32. packedB: kMatmulColumnFloats, of all threads
PARL_KERNEL(void, packMatmulColumns, (const MatmulBlock& block, const MatmulSlice& slice, int64_t begin, int64_t end, float* packedB))
// multiplies rows begin .. end by all columns of the slice. packedA: kMatmulRowFloats, of this thread
PARL_KERNEL(void, multiplyMatmulRows,
            (const MatmulBlock& block, const MatmulSlice& slice, int64_t begin, int64_t end, const float* packedB, float* packedA))


// Or, for rows packed once that all threads share: each thread takes strips of columns by itself, packs a strip a slice at a time, multiplies all
// rows by it, and asks for the next slice meanwhile.
constexpr int64_t kMatmulStripColumns = 64;
constexpr int64_t kMatmulStripFloats = 576 * kMatmulStripColumns;
PARL_KERNEL(int64_t, matmulTileFloats, (int64_t k))  // of a packed tile of rows
// packs tiles begin .. end of blocking.tileRows rows at most, dealt evenly. packedA: of all tiles
PARL_KERNEL(void, packMatmulTiles, (const MatmulBlock& block, int64_t begin, int64_t end, float* packedA))
// columns begin .. end; begin is a multiple of 32. packedB: kMatmulStripFloats, of this thread
PARL_KERNEL(void, multiplyMatmulStrips, (const MatmulBlock& block, int64_t begin, int64_t end, const float* packedA, float* packedB))

}  // namespace parl
