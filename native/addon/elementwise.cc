#include "core/elementwise.h"

#include "arguments.h"
#include "register.h"

namespace parl::addon {
namespace {

// An operand of an operation with `count` results.
ArithmeticOperand operand(Napi::Env env, const char* name, std::span<float> values, size_t count) {
  if (values.size() != 1) expectLength(env, name, values.size(), count);
  return {values.data(), values.size() == 1};
}

// arithmetic(operation: 'add' | 'subtract' | 'multiply' | 'divide', a: Float32Array, b: Float32Array, out: Float32Array): void
Napi::Value arithmetic(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const std::string name = info[0].ToString().Utf8Value();
  Arithmetic operation{};
  if (name == "add") {
    operation = Arithmetic::add;
  } else if (name == "subtract") {
    operation = Arithmetic::subtract;
  } else if (name == "multiply") {
    operation = Arithmetic::multiply;
  } else if (name == "divide") {
    operation = Arithmetic::divide;
  } else {
    throwArgument(env, "expected operation to be add, subtract, multiply or divide, received " + name);
  }
  const auto a = floats(info, 1, "a"), b = floats(info, 2, "b"), out = floats(info, 3, "out");
  const auto first = operand(env, "a", a, out.size()), second = operand(env, "b", b, out.size());
  parl::arithmetic(operation, first, second, out.data(), static_cast<int64_t>(out.size()));
  return env.Undefined();
}

}  // namespace

void registerElementwise(Napi::Env env, Napi::Object exports) {
  exports.Set("arithmetic", Napi::Function::New(env, arithmetic));
}

}  // namespace parl::addon
