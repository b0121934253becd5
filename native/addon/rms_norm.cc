#include "core/rms_norm.h"

#include "arguments.h"
#include "register.h"

namespace parl::addon {
namespace {

// rmsNormForward(x, weight, y, rstd: Float32Array, n, d, eps): void
Napi::Value rmsNormForward(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const auto x = floats(info, 0, "x"), weight = floats(info, 1, "weight"), y = floats(info, 2, "y"), rstd = floats(info, 3, "rstd");
  const int64_t n = extent(info, 4, "n"), d = extent(info, 5, "d");
  expectLength(env, "x", x.size(), elements(env, {n, d}));
  expectLength(env, "weight", weight.size(), static_cast<size_t>(d));
  expectLength(env, "y", y.size(), x.size());
  expectLength(env, "rstd", rstd.size(), static_cast<size_t>(n));
  parl::rmsNormForward(x.data(), weight.data(), y.data(), rstd.data(), n, d, static_cast<float>(number(info, 6, "eps")));
  return env.Undefined();
}

// rmsNormBackward(dy, x, weight, rstd, dx, dWeight: Float32Array, n, d): void
Napi::Value rmsNormBackward(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const auto dy = floats(info, 0, "dy"), x = floats(info, 1, "x"), weight = floats(info, 2, "weight"), rstd = floats(info, 3, "rstd");
  const auto dx = floats(info, 4, "dx"), dWeight = floats(info, 5, "dWeight");
  const int64_t n = extent(info, 6, "n"), d = extent(info, 7, "d");
  expectLength(env, "dy", dy.size(), elements(env, {n, d}));
  expectLength(env, "x", x.size(), dy.size());
  expectLength(env, "weight", weight.size(), static_cast<size_t>(d));
  expectLength(env, "rstd", rstd.size(), static_cast<size_t>(n));
  expectLength(env, "dx", dx.size(), dy.size());
  expectLength(env, "dWeight", dWeight.size(), weight.size());
  parl::rmsNormBackward(dy.data(), x.data(), weight.data(), rstd.data(), dx.data(), dWeight.data(), n, d);
  return env.Undefined();
}

// addRmsNormForward(x, delta, weight, sum, y, rstd: Float32Array, n, d, eps): void
Napi::Value addRmsNormForward(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const auto x = floats(info, 0, "x"), delta = floats(info, 1, "delta"), weight = floats(info, 2, "weight");
  const auto sum = floats(info, 3, "sum"), y = floats(info, 4, "y"), rstd = floats(info, 5, "rstd");
  const int64_t n = extent(info, 6, "n"), d = extent(info, 7, "d");
  expectLength(env, "x", x.size(), elements(env, {n, d}));
  expectLength(env, "delta", delta.size(), x.size());
  expectLength(env, "weight", weight.size(), static_cast<size_t>(d));
  expectLength(env, "sum", sum.size(), x.size());
  expectLength(env, "y", y.size(), x.size());
  expectLength(env, "rstd", rstd.size(), static_cast<size_t>(n));
  parl::addRmsNormForward(x.data(), delta.data(), weight.data(), sum.data(), y.data(), rstd.data(), n, d,
                          static_cast<float>(number(info, 8, "eps")));
  return env.Undefined();
}

// addRmsNormBackward(dy, dSum, sum, weight, rstd, dx, dWeight: Float32Array, n, d): void
Napi::Value addRmsNormBackward(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const auto dy = floats(info, 0, "dy"), dSum = floats(info, 1, "dSum"), sum = floats(info, 2, "sum");
  const auto weight = floats(info, 3, "weight"), rstd = floats(info, 4, "rstd");
  const auto dx = floats(info, 5, "dx"), dWeight = floats(info, 6, "dWeight");
  const int64_t n = extent(info, 7, "n"), d = extent(info, 8, "d");
  expectLength(env, "dy", dy.size(), elements(env, {n, d}));
  expectLength(env, "dSum", dSum.size(), dy.size());
  expectLength(env, "sum", sum.size(), dy.size());
  expectLength(env, "weight", weight.size(), static_cast<size_t>(d));
  expectLength(env, "rstd", rstd.size(), static_cast<size_t>(n));
  expectLength(env, "dx", dx.size(), dy.size());
  expectLength(env, "dWeight", dWeight.size(), weight.size());
  parl::addRmsNormBackward(dy.data(), dSum.data(), sum.data(), weight.data(), rstd.data(), dx.data(), dWeight.data(), n, d);
  return env.Undefined();
}

}  // namespace

void registerRmsNorm(Napi::Env env, Napi::Object exports) {
  exports.Set("addRmsNormBackward", Napi::Function::New(env, addRmsNormBackward));
  exports.Set("addRmsNormForward", Napi::Function::New(env, addRmsNormForward));
  exports.Set("rmsNormBackward", Napi::Function::New(env, rmsNormBackward));
  exports.Set("rmsNormForward", Napi::Function::New(env, rmsNormForward));
}

}  // namespace parl::addon
