#include "core/elementwise.h"

#include "arguments.h"
#include "register.h"

namespace parl::addon {
namespace {

// add(a: Float32Array, b: Float32Array, out: Float32Array): void
Napi::Value add(const Napi::CallbackInfo& info) {
  const auto a = floats(info, 0, "a"), b = floats(info, 1, "b"), out = floats(info, 2, "out");
  expectLength(info.Env(), "b", b.size(), a.size());
  expectLength(info.Env(), "out", out.size(), a.size());
  parl::add(a.data(), b.data(), out.data(), static_cast<int64_t>(a.size()));
  return info.Env().Undefined();
}

}  // namespace

void registerElementwise(Napi::Env env, Napi::Object exports) {
  exports.Set("add", Napi::Function::New(env, add));
}

}  // namespace parl::addon
