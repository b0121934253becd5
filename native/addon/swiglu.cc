#include "core/swiglu.h"

#include "arguments.h"
#include "register.h"

namespace parl::addon {
namespace {

// swigluForward(gate: Float32Array, up: Float32Array, out: Float32Array): void
Napi::Value swigluForward(const Napi::CallbackInfo& info) {
  const auto gate = floats(info, 0, "gate"), up = floats(info, 1, "up"), out = floats(info, 2, "out");
  expectLength(info.Env(), "up", up.size(), gate.size());
  expectLength(info.Env(), "out", out.size(), gate.size());
  parl::swigluForward(gate.data(), up.data(), out.data(), static_cast<int64_t>(gate.size()));
  return info.Env().Undefined();
}

// swigluBackward(dOut, gate, up, dGate, dUp: Float32Array): void
Napi::Value swigluBackward(const Napi::CallbackInfo& info) {
  const auto dOut = floats(info, 0, "dOut"), gate = floats(info, 1, "gate"), up = floats(info, 2, "up");
  const auto dGate = floats(info, 3, "dGate"), dUp = floats(info, 4, "dUp");
  expectLength(info.Env(), "gate", gate.size(), dOut.size());
  expectLength(info.Env(), "up", up.size(), dOut.size());
  expectLength(info.Env(), "dGate", dGate.size(), dOut.size());
  expectLength(info.Env(), "dUp", dUp.size(), dOut.size());
  parl::swigluBackward(dOut.data(), gate.data(), up.data(), dGate.data(), dUp.data(), static_cast<int64_t>(dOut.size()));
  return info.Env().Undefined();
}

}  // namespace

void registerSwiglu(Napi::Env env, Napi::Object exports) {
  exports.Set("swigluBackward", Napi::Function::New(env, swigluBackward));
  exports.Set("swigluForward", Napi::Function::New(env, swigluForward));
}

}  // namespace parl::addon
