// The formulas of group_advantage.h for one group, the same code for the CPU and for a CUDA thread.
#pragma once

#include <cmath>
#include <cstdint>

#ifdef __CUDACC__
#define PARL_HOST_DEVICE __host__ __device__
#else
#define PARL_HOST_DEVICE
#endif

namespace parl {

enum class AdvantageEstimator { grpo = 0, drGrpo = 1, rloo = 2 };

// Root of the mean square of deviations that are ascending and not all 0, with divisor `count`. Scaled by a power of two,
// so that squares of tiny or huge deviations neither vanish nor overflow.
PARL_HOST_DEVICE inline double rootMeanSquare(const double* deviations, int64_t n, double count) {
  const double first = deviations[0] < 0 ? -deviations[0] : deviations[0];
  const double last = deviations[n - 1] < 0 ? -deviations[n - 1] : deviations[n - 1];
  const double largest = last > first ? last : first;
  const int exponent = largest > 0 ? ilogb(largest) : 0, half = exponent / 2;
  const double scale = scalbn(1.0, -half), rest = scalbn(1.0, half - exponent);  // 2^-exponent itself may be more than there is
  double squares = 0;
  for (int64_t i = 0; i < n; ++i) {
    const double scaled = deviations[i] * scale * rest;
    squares += scaled * scaled;
  }
  return scalbn(sqrt(squares / count), exponent);
}

//   rewards [n]  ascending        (read)
//   out     [n]  same order       (overwritten)
// populationDeviation divides by n where the sample deviation divides by n - 1.
PARL_HOST_DEVICE inline void groupAdvantagesOfSorted(const double* rewards, int64_t n, AdvantageEstimator estimator,
                                                     double epsilon, double* out, bool populationDeviation = false) {
  // The raw rewards decide: a rounded mean of equal rewards would leave a residue that the tiny std then inflates.
  if (rewards[0] == rewards[n - 1]) {
    for (int64_t i = 0; i < n; ++i) out[i] = 0;
    return;
  }
  const double count = static_cast<double>(n);
  double sum = 0;
  for (int64_t i = 0; i < n; ++i) sum += rewards[i] - rewards[0];
  const double mean = sum / count;
  for (int64_t i = 0; i < n; ++i) out[i] = rewards[i] - rewards[0] - mean;

  double divisor = 1, factor = 1;
  if (estimator == AdvantageEstimator::grpo) {
    divisor = rootMeanSquare(out, n, populationDeviation ? count : count - 1) + epsilon;
  } else if (estimator == AdvantageEstimator::rloo) {
    factor = count / (count - 1);
  }
  for (int64_t i = 0; i < n; ++i) out[i] = out[i] * factor / divisor;
}

}  // namespace parl
