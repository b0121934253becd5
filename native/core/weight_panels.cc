#include "core/weight_panels.h"

#include <algorithm>

#include "core/scratch.h"
#include "core/thread_pool.h"

namespace parl {
namespace {

// With few rows the weight's way to the processor takes the time, about 6 us for so many floats: below, a second thread
// costs more than it saves.
constexpr int64_t kSerialFloats = 40000;
constexpr int64_t kRowGrain = 16;

}  // namespace

void packWeight(WeightData weight, int64_t n, int64_t k, float* panels) {
  if (weight.halves != nullptr) {
    PARL_DISPATCH(packHalfWeightPanels)(weight.halves, n, k, panels);
  } else {
    PARL_DISPATCH(packWeightPanels)(weight.floats, n, k, panels);
  }
}

void packMatrix(const float* matrix, int64_t width, int64_t n, int64_t k, float* panels) {
  for (int64_t j = 0; j < n; j += kPanelColumns) {
    const int64_t columns = std::min(kPanelColumns, n - j);
    float* to = panels + j * k;
    for (int64_t p = 0; p < k; ++p, to += kPanelColumns) {
      std::copy_n(matrix + p * width + j, columns, to);
      std::fill(to + columns, to + kPanelColumns, 0.0f);
    }
  }
}

void multiplyPanels(const float* x, const float* panels, float* out, int64_t m, int64_t n, int64_t k, bool accumulate) {
  if (m == 0 || n == 0) return;
  const auto kernel = PARL_DISPATCH(multiplyPanelRows);
  if (m >= kRowGrain * threadCount()) {
    parallelFor(m, kRowGrain, [&](int64_t begin, int64_t end) {
      Scratch scratch(panelScratchFloats(k));
      kernel({x + begin * k, panels, out + begin * n, n, end - begin, n, k, accumulate}, scratch.data());
    });
    return;
  }
  const int64_t count = (n + kPanelColumns - 1) / kPanelColumns;
  parallelFor(count, n * k < kSerialFloats ? count : 1, [&](int64_t begin, int64_t end) {
    Scratch scratch(panelScratchFloats(k));
    const int64_t first = begin * kPanelColumns, last = end == count ? n : end * kPanelColumns;
    kernel({x, panels + first * k, out + first, n, m, last - first, k, accumulate}, scratch.data());
  });
}

}  // namespace parl
