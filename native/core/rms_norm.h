// Root-mean-square normalisation, per row: y = weight * (x * rstd), rstd = 1 / sqrt(mean(x^2) + eps).
// Zhang and Sennrich, arXiv:1910.07467; eps inside the root as in Llama and Qwen2.
#pragma once

#include <cstdint>

#include "core/isa.h"

namespace parl {

//   x [n,d], weight [d] read; y [n,d] overwritten (may be x); rstd [n] overwritten, may be null.
void rmsNormForward(const float* x, const float* weight, float* y, float* rstd, int64_t n, int64_t d, float eps);

//   dy, x [n,d], weight [d], rstd [n] read; dx [n,d] overwritten (may be dy); dWeight [d] accumulated over ascending rows.
void rmsNormBackward(const float* dy, const float* x, const float* weight, const float* rstd, float* dx, float* dWeight,
                     int64_t n, int64_t d);

// With what a block adds to the residual stream x: sum = x + delta, y = its norm; sum may be x or delta, and y the other of them.
void addRmsNormForward(const float* x, const float* delta, const float* weight, float* sum, float* y, float* rstd, int64_t n, int64_t d,
                       float eps);

// Gradient of x and of delta alike: dx = dSum + what comes through the norm; dSum [n,d] is read, and may be dx.
void addRmsNormBackward(const float* dy, const float* dSum, const float* sum, const float* weight, const float* rstd, float* dx,
                        float* dWeight, int64_t n, int64_t d);

// The two halves of either: dWeight accumulated; dx alone, where dSum may be null.
void rmsNormWeightGradient(const float* dy, const float* x, const float* rstd, float* dWeight, int64_t n, int64_t d);
void rmsNormInputGradient(const float* dy, const float* dSum, const float* x, const float* weight, const float* rstd, float* dx, int64_t n,
                          int64_t d);

// delta and sum, and dSum, may be null.
PARL_KERNEL(void, rmsNormForwardRows,
            (const float* x, const float* delta, const float* weight, float* sum, float* y, float* rstd, int64_t n, int64_t d, float eps))
PARL_KERNEL(void, rmsNormBackwardRows,
            (const float* dy, const float* dSum, const float* x, const float* weight, const float* rstd, float* dx, int64_t n, int64_t d))
PARL_KERNEL(void, rmsNormBackwardWeight,
            (const float* dy, const float* x, const float* rstd, float* dWeight, int64_t n, int64_t d, int64_t begin,
             int64_t end))

}  // namespace parl
