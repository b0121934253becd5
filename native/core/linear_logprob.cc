// The head in tiles of rows. Each tile's logits are one parallel matmul, then one pass over the rows in place; the backward
// pass recomputes the tile, turns it into its gradient in place, and multiplies it into dHidden and dWeight. Since an
// accumulating matmul continues its chains, dWeight is one chain over ascending rows whatever the tile's size.
//
// The tile is about 4 MB: it stays in the L2 of two cores between the product and the pass, yet has enough rows (64 to 512)
// that packing the weight costs little beside the product.
#include "core/linear_logprob.h"

#include <algorithm>

#include "core/logprob.h"
#include "core/matmul.h"
#include "core/scratch.h"

namespace parl {
namespace {

constexpr int64_t kTileFloats = int64_t{1} << 20;

int64_t tileRows(const LinearLogprobShape& s) {
  return std::min(s.n, std::clamp<int64_t>(kTileFloats / std::max<int64_t>(1, s.v), 64, 512));
}

}  // namespace

void linearLogprobForward(const float* hidden, const float* weight, const int32_t* targets, const LinearLogprobShape& s,
                          float* logprobs, float* entropies, float* lse) {
  const int64_t tile = tileRows(s);
  Scratch logits(tile * s.v);
  for (int64_t row = 0; row < s.n; row += tile) {
    const int64_t rows = std::min(tile, s.n - row);
    matmul(hidden + row * s.d, weight, logits.data(), {rows, s.v, s.d, false, true, false});
    logprobForward(logits.data(), targets + row, rows, s.v, s.temperature, logprobs + row,
                   entropies == nullptr ? nullptr : entropies + row, lse + row);
  }
}

void linearLogprobBackward(const float* dLogprobs, const float* dEntropies, const float* hidden, const float* weight,
                           const int32_t* targets, const float* lse, const float* entropies, const LinearLogprobShape& s,
                           float* dHidden, float* dWeight) {
  const int64_t tile = tileRows(s);
  Scratch logits(tile * s.v);
  for (int64_t row = 0; row < s.n; row += tile) {
    const int64_t rows = std::min(tile, s.n - row);
    const float* h = hidden + row * s.d;
    matmul(h, weight, logits.data(), {rows, s.v, s.d, false, true, false});
    logprobBackward(dLogprobs + row, dEntropies == nullptr ? nullptr : dEntropies + row, logits.data(), targets + row,
                    lse + row, dEntropies == nullptr ? nullptr : entropies + row, rows, s.v, s.temperature, logits.data());
    if (dHidden != nullptr) matmul(logits.data(), weight, dHidden + row * s.d, {rows, s.d, s.v, false, false, false});
    if (dWeight != nullptr) matmul(logits.data(), h, dWeight, {s.v, s.d, rows, true, false, true});
  }
}

}  // namespace parl
