// Products with a weight that is packed once and used many times: what decoding does with every matrix of a small model.
//
// matmul() packs its operands at every call. With few rows, packing the weight costs more than the product: of a decoding
// step of the tiny decoder (1 M weights, AVX-512, one thread) 180 us, where each row's products take 26 us.
#pragma once

#include <cstdint>
#include <span>

#include "core/isa.h"
#include "core/weight_data.h"

namespace parl {

// Panels of kPanelColumns rows of weight [n, k], each panel [k][kPanelColumns]; rows behind n are zeros.
constexpr int64_t kPanelColumns = 32;
inline int64_t weightPanelFloats(int64_t n, int64_t k) { return (n + kPanelColumns - 1) / kPanelColumns * kPanelColumns * k; }

void packWeight(WeightData weight, int64_t n, int64_t k, float* panels);

// The same of n columns of a matrix [k, width]: of a weight [out, in] as it is, for the gradient of what it multiplied.
void packMatrix(const float* matrix, int64_t width, int64_t n, int64_t k, float* panels);

// out[m,n] = x[m,k] weight^T, bit for bit what matmul() gives with transposeB (or of packMatrix() without). out overlaps neither input.
// Accumulating continues the chains from what out holds.
void multiplyPanels(const float* x, const float* panels, float* out, int64_t m, int64_t n, int64_t k, bool accumulate = false);

// The same for several weights of one x, whose rows are packed once.
struct PanelOutput {
  const float* panels;
  float* out;  // [m, n]
  int64_t n;
};
void multiplyPanelsEach(const float* x, std::span<const PanelOutput> outputs, int64_t m, int64_t k, bool accumulate = false);

// ---- kernels -------------------------------------------------------------------------------------------------------

struct PanelProduct {
  const float* x;  // [m, k]
  const float* panels;
  float* out;  // [m, n], row stride outRow
  int64_t outRow, m, n, k;
  bool accumulate = false;
  bool hasPackedRows = false;  // scratch holds x from a product before, of kPanelRowBlock rows at most
};
constexpr int64_t kPanelRowBlock = 84;  // a multiple of every kTileRows: x packed stays in the second cache
inline int64_t panelScratchFloats(int64_t k) { return kPanelRowBlock * k + 64; }
PARL_KERNEL(void, packWeightPanels, (const float* weight, int64_t n, int64_t k, float* panels))
PARL_KERNEL(void, packHalfWeightPanels, (const Bf16* weight, int64_t n, int64_t k, float* panels))
PARL_KERNEL(void, multiplyPanelRows, (const PanelProduct& product, float* scratch))

}  // namespace parl
