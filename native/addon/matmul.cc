#include "core/matmul.h"

#include <string>
#include <vector>

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

// matmulGradients(dys: Float32Array[], x: Float32Array, gradients: Float32Array[], n, k): void
Napi::Value matmulGradients(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const auto dys = floatArrays(info, 0, "dys"), gradients = floatArrays(info, 2, "gradients");
  const auto x = floats(info, 1, "x");
  const int64_t n = extent(info, 3, "n"), k = extent(info, 4, "k");
  expectLength(env, "x", x.size(), elements(env, {k, n}));
  expectLength(env, "gradients", gradients.size(), static_cast<int64_t>(dys.size()));
  std::vector<GradientProduct> products;
  for (size_t i = 0; i < dys.size(); ++i) {
    const int64_t m = n > 0 ? static_cast<int64_t>(gradients[i].size()) / n : k > 0 ? static_cast<int64_t>(dys[i].size()) / k : 0;
    const std::string place = "[" + std::to_string(i) + "]";
    expectLength(env, ("gradients" + place).c_str(), gradients[i].size(), elements(env, {m, n}));
    expectLength(env, ("dys" + place).c_str(), dys[i].size(), elements(env, {k, m}));
    products.push_back({dys[i].data(), gradients[i].data(), m});
  }
  parl::matmulGradients(products, x.data(), n, k);
  return env.Undefined();
}

}  // namespace

void registerMatmul(Napi::Env env, Napi::Object exports) {
  exports.Set("matmul", Napi::Function::New(env, matmul));
  exports.Set("matmulGradients", Napi::Function::New(env, matmulGradients));
}

}  // namespace parl::addon
