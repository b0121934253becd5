// Element by element over whole arrays.
#pragma once

#include <cstdint>

#include "core/isa.h"

namespace parl {

enum class Arithmetic { add, subtract, multiply, divide };

// An array of the length of the result, or a single element that serves all of it.
struct ArithmeticOperand {
  const float* values;
  bool isSingle = false;
};

// out[i] = a[i] op b[i], correctly rounded; out may be an operand.
void arithmetic(Arithmetic operation, ArithmeticOperand a, ArithmeticOperand b, float* out, int64_t count);

// The residual stream.
inline void add(const float* a, const float* b, float* out, int64_t count) { arithmetic(Arithmetic::add, {a}, {b}, out, count); }

PARL_KERNEL(void, arithmeticRange, (Arithmetic operation, ArithmeticOperand a, ArithmeticOperand b, float* out, int64_t count))

}  // namespace parl
