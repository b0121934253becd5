// Sum, mean, variance and whitening of the values of sampled tokens.
//
// Values where the mask is 0 are never used, NaN included. Everything is accumulated in double precision, over blocks of a
// fixed size in order: results do not depend on the number of threads.
#pragma once

#include <cstdint>

#include "core/isa.h"

namespace parl {

struct MaskedSums {
  double sum = 0;
  int64_t count = 0;
  float smallest = 0, largest = 0;  // 0 where count is 0
};

//   values [n], mask [n] non-zero where the token was sampled (read)
MaskedSums maskedSums(const float* values, const uint8_t* mask, int64_t n);

// Sum of (value - centre)^2 over sampled tokens.
double maskedSquares(const float* values, const uint8_t* mask, int64_t n, double centre);

struct WhitenOptions {
  double epsilon;         // added to the variance
  bool sampleVariance;    // divisor count - 1; else count
  bool shiftMean;         // false: the mean is put back
};
// out = (value - mean) / sqrt(variance + epsilon) [+ mean], and 0 where not sampled. When all sampled values are equal, or
// there is one, every deviation is exactly 0 (a rounded mean would leave a residue, which the division inflates).
//   out [n] (overwritten), may be values
// False, and out unspecified, where a sampled value is not finite.
bool whiten(const float* values, const uint8_t* mask, int64_t n, const WhitenOptions& options, float* out);

PARL_KERNEL(void, maskedSumsBlock, (const float* values, const uint8_t* mask, int64_t n, MaskedSums& sums))
PARL_KERNEL(double, maskedSquaresBlock, (const float* values, const uint8_t* mask, int64_t n, double centre))
// out = sampled ? (value - centre) * scale + shift : 0
PARL_KERNEL(void, affineBlock,
            (const float* values, const uint8_t* mask, int64_t n, double centre, double scale, double shift, float* out))

}  // namespace parl
