#include "core/bias.h"

#include "arguments.h"
#include "register.h"

namespace parl::addon {
namespace {

// addBias(y: Float32Array, bias: Float32Array, out: Float32Array, n, d): void
Napi::Value addBias(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const auto y = floats(info, 0, "y"), bias = floats(info, 1, "bias"), out = floats(info, 2, "out");
  const int64_t n = extent(info, 3, "n"), d = extent(info, 4, "d");
  expectLength(env, "y", y.size(), elements(env, {n, d}));
  expectLength(env, "bias", bias.size(), static_cast<size_t>(d));
  expectLength(env, "out", out.size(), y.size());
  parl::addBias(y.data(), bias.data(), out.data(), n, d);
  return env.Undefined();
}

// columnSum(dy: Float32Array, out: Float32Array, n, d, accumulate): void
Napi::Value columnSum(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const auto dy = floats(info, 0, "dy"), out = floats(info, 1, "out");
  const int64_t n = extent(info, 2, "n"), d = extent(info, 3, "d");
  expectLength(env, "dy", dy.size(), elements(env, {n, d}));
  expectLength(env, "out", out.size(), static_cast<size_t>(d));
  parl::columnSum(dy.data(), out.data(), n, d, flag(info, 4));
  return env.Undefined();
}

}  // namespace

void registerBias(Napi::Env env, Napi::Object exports) {
  exports.Set("addBias", Napi::Function::New(env, addBias));
  exports.Set("columnSum", Napi::Function::New(env, columnSum));
}

}  // namespace parl::addon
