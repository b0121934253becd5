#include "core/elementwise.h"

#include "core/thread_pool.h"

namespace parl {

void arithmetic(Arithmetic operation, ArithmeticOperand a, ArithmeticOperand b, float* out, int64_t count) {
  // Apart from out, which may be where a single element lies.
  const float first = a.isSingle ? *a.values : 0.0f, second = b.isSingle ? *b.values : 0.0f;
  parallelFor(count, 32768, [&](int64_t begin, int64_t end) {
    const auto from = [begin](ArithmeticOperand x, const float& single) {
      return x.isSingle ? ArithmeticOperand{&single, true} : ArithmeticOperand{x.values + begin};
    };
    PARL_DISPATCH(arithmeticRange)(operation, from(a, first), from(b, second), out + begin, end - begin);
  });
}

}  // namespace parl
