#include "core/elementwise.h"

#include "core/kernels/vec.h"

namespace parl::PARL_ISA {
namespace {

template <typename Operation>
inline void each(Operation operation, ArithmeticOperand a, ArithmeticOperand b, float* out, int64_t count) {
  const auto run = [&](auto&& left, auto&& right) {
    int64_t i = 0;
    for (; i + kWidth <= count; i += kWidth) store(out + i, operation(left(i, kWidth), right(i, kWidth)));
    const int rest = static_cast<int>(count - i);
    if (rest > 0) storePartial(out + i, operation(left(i, rest), right(i, rest)), rest);
  };
  const auto array = [](const float* values) {
    return [values](int64_t i, int lanes) { return lanes == kWidth ? load(values + i) : loadPartial(values + i, lanes); };
  };
  const auto single = [](const float* value) { return [all = splat(*value)](int64_t, int) { return all; }; };
  if (a.isSingle && b.isSingle) return run(single(a.values), single(b.values));
  if (a.isSingle) return run(single(a.values), array(b.values));
  if (b.isSingle) return run(array(a.values), single(b.values));
  run(array(a.values), array(b.values));
}

}  // namespace

void arithmeticRange(Arithmetic operation, ArithmeticOperand a, ArithmeticOperand b, float* out, int64_t count) {
  switch (operation) {
    case Arithmetic::add:
      return each([](Vec x, Vec y) { return x + y; }, a, b, out, count);
    case Arithmetic::subtract:
      return each([](Vec x, Vec y) { return x - y; }, a, b, out, count);
    case Arithmetic::multiply:
      return each([](Vec x, Vec y) { return x * y; }, a, b, out, count);
    case Arithmetic::divide:
      return each([](Vec x, Vec y) { return x / y; }, a, b, out, count);
  }
}

}  // namespace parl::PARL_ISA
