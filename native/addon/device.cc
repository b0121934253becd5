#include "core/cuda/device.h"
#include "core/isa.h"
#include "core/thread_pool.h"

#include "arguments.h"
#include "register.h"

namespace parl::addon {
namespace {

// nativeInfo(): { isa, isas, threads, cuda: { built, available, reason? },
//                 cudaDevices: { name, computeCapability, multiprocessors, memoryBytes }[] }
Napi::Value nativeInfo(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  Napi::Object result = Napi::Object::New(env);
  result.Set("isa", isaName(activeIsa()));
  Napi::Array isas = Napi::Array::New(env);
  for (Isa isa : {Isa::portable, Isa::avx2, Isa::avx512}) {
    if (isaSupported(isa)) isas.Set(isas.Length(), isaName(isa));
  }
  result.Set("isas", isas);
  result.Set("threads", threadCount());
  const parl::cuda::Report report = parl::cuda::report();
  Napi::Object support = Napi::Object::New(env);
  support.Set("built", report.built);
  support.Set("available", !report.devices.empty());
  if (report.devices.empty()) support.Set("reason", report.reason);
  result.Set("cuda", support);
  Napi::Array devices = Napi::Array::New(env);
  for (const parl::cuda::Device& found : report.devices) {
    Napi::Object device = Napi::Object::New(env);
    device.Set("name", found.name);
    device.Set("computeCapability", std::to_string(found.major) + "." + std::to_string(found.minor));
    device.Set("multiprocessors", found.multiprocessors);
    device.Set("memoryBytes", static_cast<double>(found.memoryBytes));
    devices.Set(devices.Length(), device);
  }
  result.Set("cudaDevices", devices);
  return result;
}

// setIsa(name): boolean, false when the CPU cannot run it or the name is unknown
Napi::Value setIsa(const Napi::CallbackInfo& info) {
  const std::string name = info[0].ToString().Utf8Value();
  for (Isa isa : {Isa::portable, Isa::avx2, Isa::avx512}) {
    if (name == isaName(isa)) return Napi::Boolean::New(info.Env(), setActiveIsa(isa));
  }
  return Napi::Boolean::New(info.Env(), false);
}

// setThreads(count)
Napi::Value setThreads(const Napi::CallbackInfo& info) {
  setThreadCount(static_cast<int>(extent(info, 0, "count")));
  return info.Env().Undefined();
}

}  // namespace

void registerDevice(Napi::Env env, Napi::Object exports) {
  exports.Set("nativeInfo", Napi::Function::New(env, nativeInfo));
  exports.Set("setIsa", Napi::Function::New(env, setIsa));
  exports.Set("setThreads", Napi::Function::New(env, setThreads));
}

}  // namespace parl::addon
