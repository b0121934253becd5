#include "core/probability_squares.h"

#include "core/thread_pool.h"

namespace parl {

void probabilitySquares(const float* logits, int64_t n, int64_t v, float temperature, float* squares) {
  constexpr int64_t grainFloats = 8192;
  const float inverse = 1.0f / temperature;
  parallelFor(n, grainFloats / (v + 1) + 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) squares[i] = PARL_DISPATCH(probabilitySquaresRow)(logits + i * v, v, inverse);
  });
}

}  // namespace parl
