#include "core/matmul.h"

#include "arguments.h"
#include "register.h"

namespace parl::addon {
namespace {

// matmul(a: Float32Array, b: Float32Array | Uint16Array of bfloat16, out: Float32Array, m, n, k, transposeA, transposeB, accumulate): void
Napi::Value matmul(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const auto a = floats(info, 0, "a"), out = floats(info, 2, "out");
  const auto b = weightArgument(info, 1, "b");
  const MatmulShape shape{extent(info, 3, "m"), extent(info, 4, "n"), extent(info, 5, "k"), flag(info, 6), flag(info, 7),
                          flag(info, 8)};
  expectLength(env, "a", a.size(), elements(env, {shape.m, shape.k}));
  expectLength(env, "b", b.size, elements(env, {shape.k, shape.n}));
  expectLength(env, "out", out.size(), elements(env, {shape.m, shape.n}));
  parl::matmul(a.data(), b.data, out.data(), shape);
  return env.Undefined();
}

}  // namespace

void registerMatmul(Napi::Env env, Napi::Object exports) {
  exports.Set("matmul", Napi::Function::New(env, matmul));
}

}  // namespace parl::addon
