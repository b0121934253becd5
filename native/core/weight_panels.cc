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

int64_t panelsOf(int64_t n) { return (n + kPanelColumns - 1) / kPanelColumns; }

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
  const PanelOutput output{panels, out, n};
  multiplyPanelsEach(x, {&output, 1}, m, k, accumulate);
}

void multiplyPanelsEach(const float* x, std::span<const PanelOutput> outputs, int64_t m, int64_t k, bool accumulate) {
  if (m == 0) return;
  const auto kernel = PARL_DISPATCH(multiplyPanelRows);
  if (m >= kRowGrain * threadCount()) {
    parallelFor(m, kRowGrain, [&](int64_t begin, int64_t end) {
      Scratch scratch(panelScratchFloats(k));
      for (int64_t first = begin; first < end; first += kPanelRowBlock) {
        const int64_t rows = std::min(kPanelRowBlock, end - first);
        bool isPacked = false;
        for (const auto& [panels, out, n] : outputs) {
          kernel({x + first * k, panels, out + first * n, n, rows, n, k, accumulate, isPacked}, scratch.data());
          isPacked = true;
        }
      }
    });
    return;
  }
  int64_t count = 0, floats = 0;
  for (const PanelOutput& output : outputs) {
    count += panelsOf(output.n);
    floats += output.n * k;
  }
  parallelFor(count, floats < kSerialFloats ? count : 1, [&](int64_t begin, int64_t end) {
    Scratch scratch(panelScratchFloats(k));
    bool isPacked = false;
    int64_t before = 0;  // panels of the outputs before
    for (const auto& [panels, out, n] : outputs) {
      const int64_t first = std::max<int64_t>(0, begin - before) * kPanelColumns, last = std::min(n, (end - before) * kPanelColumns);
      before += panelsOf(n);
      if (first >= last) continue;
      kernel({x, panels + first * k, out + first, n, m, last - first, k, accumulate, isPacked}, scratch.data());
      isPacked = m <= kPanelRowBlock;
    }
  });
}

}  // namespace parl
