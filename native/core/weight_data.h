// The values of a constant matrix, row-major: float32, or bfloat16 at half the memory.
//
// Products with either give the same bits where the values are the same: an element is widened as it is packed, and from there
// on all is float32.
#pragma once

#include <cstdint>

#include "core/bf16.h"

namespace parl {

// Points at the one or the other, or at nothing.
struct WeightData {
  const float* floats = nullptr;
  const Bf16* halves = nullptr;

  WeightData() = default;
  WeightData(const float* values) : floats(values) {}  // NOLINT: a float matrix is a weight wherever one is wanted
  WeightData(const Bf16* values) : halves(values) {}   // NOLINT
  explicit operator bool() const { return floats != nullptr || halves != nullptr; }
  WeightData operator+(int64_t elements) const {
    return halves != nullptr ? WeightData(halves + elements) : floats != nullptr ? WeightData(floats + elements) : WeightData();
  }
};

}  // namespace parl
