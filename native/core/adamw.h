// Over a list of tensors: sums of gradients, their global norm, and AdamW. Loshchilov and Hutter, arXiv:1711.05101, as PyTorch does it.
#pragma once

#include <cstdint>

#include "core/isa.h"

namespace parl {

struct TensorView {
  const float* data;
  int64_t count;
};

// sqrt of the sum of squares over all tensors, in double. Blocks of fixed size are summed, then the blocks in order.
double globalNorm(const TensorView* tensors, int64_t count);

// sum += gradient, of every tensor.
struct GradientSum {
  float* sum;
  const float* gradient;
  int64_t count;
};
void addGradients(const GradientSum* tensors, int64_t count);

struct AdamwTensor {
  float* parameter;
  const float* gradient;
  float *m, *v;  // first and second moment
  int64_t count;
  double weightDecay;
};
struct AdamwOptions {
  double learningRate, beta1, beta2, epsilon;
  int64_t step;          // 1-based
  double gradientScale;  // multiplies every gradient (clipping, averaging)
};
// Per element, g = gradientScale * gradient:
//   parameter *= 1 - learningRate * weightDecay
//   m = beta1 m + (1 - beta1) g;  v = beta2 v + (1 - beta2) g^2
//   parameter -= learningRate / (1 - beta1^step) * m / (sqrt(v) / sqrt(1 - beta2^step) + epsilon)
void adamwUpdate(const AdamwTensor* tensors, int64_t count, const AdamwOptions& options);

struct AdamwFactors {
  float gradientScale, decay, beta1, oneMinusBeta1, beta2, oneMinusBeta2, stepSize, inverseRootCorrection2, epsilon;
};
PARL_KERNEL(void, adamwRange,
            (float* parameter, const float* gradient, float* m, float* v, int64_t count, const AdamwFactors& factors))
PARL_KERNEL(double, sumOfSquares, (const float* x, int64_t count))

}  // namespace parl
