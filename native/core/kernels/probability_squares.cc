// Sum of squared probabilities of one row of logits.
//
//   pass 1: max;  pass 2: sum of e and of e^2, e = e^(z - max), z = logits / temperature;  result: sum of e^2 / (sum of e)^2
//
// Both sums have terms in 0..1 with a largest one of 1, so nothing overflows and nothing cancels.
#include "core/probability_squares.h"

#include "core/kernels/vec.h"

namespace parl::PARL_ISA {

float probabilitySquaresRow(const float* logits, int64_t vocab, float inverseTemperature) {
  const float minusInfinity = -__builtin_inff();
  const auto at = [&](int64_t j) {
    return vocab - j >= kWidth ? load(logits + j) : loadPartial(logits + j, static_cast<int>(vocab - j), minusInfinity);
  };
  Vec top = splat(minusInfinity);
  for (int64_t j = 0; j < vocab; j += kWidth) top = vmax(at(j), top);
  const Vec scale = splat(inverseTemperature), max = splat(reduceMax(top) * inverseTemperature), least = splat(-104.0f);
  Vec sum = {}, squares = {};
  for (int64_t j = 0; j < vocab; j += kWidth) {
    const Vec e = vexp(vmax(least, at(j) * scale - max));
    sum += e;
    squares = fma(e, e, squares);
  }
  const double total = static_cast<double>(reduceAdd(sum));
  return static_cast<float>(static_cast<double>(reduceAdd(squares)) / (total * total));
}

}  // namespace parl::PARL_ISA
