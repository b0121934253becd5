#include "core/adamw.h"

#include <vector>

#include "arguments.h"
#include "register.h"

namespace parl::addon {
namespace {

// addGradients(sums, gradients: Float32Array[]): void
Napi::Value addGradients(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const auto sums = floatArrays(info, 0, "sums"), gradients = floatArrays(info, 1, "gradients");
  expectLength(env, "gradients", gradients.size(), sums.size());
  std::vector<GradientSum> tensors;
  for (size_t i = 0; i < sums.size(); ++i) {
    expectLength(env, ("gradients[" + std::to_string(i) + "]").c_str(), gradients[i].size(), sums[i].size());
    tensors.push_back({sums[i].data(), gradients[i].data(), static_cast<int64_t>(sums[i].size())});
  }
  parl::addGradients(tensors.data(), static_cast<int64_t>(tensors.size()));
  return env.Undefined();
}

// globalNorm(gradients: Float32Array[]): number
Napi::Value globalNorm(const Napi::CallbackInfo& info) {
  std::vector<TensorView> views;
  for (const auto& tensor : floatArrays(info, 0, "gradients")) views.push_back({tensor.data(), static_cast<int64_t>(tensor.size())});
  return Napi::Number::New(info.Env(), parl::globalNorm(views.data(), static_cast<int64_t>(views.size())));
}

// adamwUpdate(parameters, gradients, m, v: Float32Array[], weightDecays: Float64Array, learningRate, beta1, beta2, epsilon, step,
//             gradientScale): void
Napi::Value adamwUpdate(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const auto parameters = floatArrays(info, 0, "parameters"), gradients = floatArrays(info, 1, "gradients");
  const auto m = floatArrays(info, 2, "m"), v = floatArrays(info, 3, "v");
  const auto weightDecays = doubles(info, 4, "weightDecays");
  expectLength(env, "gradients", gradients.size(), parameters.size());
  expectLength(env, "m", m.size(), parameters.size());
  expectLength(env, "v", v.size(), parameters.size());
  expectLength(env, "weightDecays", weightDecays.size(), parameters.size());
  std::vector<AdamwTensor> tensors;
  for (size_t i = 0; i < parameters.size(); ++i) {
    const std::string at = "[" + std::to_string(i) + "]";
    expectLength(env, ("gradients" + at).c_str(), gradients[i].size(), parameters[i].size());
    expectLength(env, ("m" + at).c_str(), m[i].size(), parameters[i].size());
    expectLength(env, ("v" + at).c_str(), v[i].size(), parameters[i].size());
    tensors.push_back({parameters[i].data(), gradients[i].data(), m[i].data(), v[i].data(),
                       static_cast<int64_t>(parameters[i].size()), weightDecays[i]});
  }
  parl::adamwUpdate(tensors.data(), static_cast<int64_t>(tensors.size()),
                    {number(info, 5, "learningRate"), number(info, 6, "beta1"), number(info, 7, "beta2"), number(info, 8, "epsilon"),
                     extent(info, 9, "step"), number(info, 10, "gradientScale")});
  return env.Undefined();
}

}  // namespace

void registerAdamw(Napi::Env env, Napi::Object exports) {
  exports.Set("addGradients", Napi::Function::New(env, addGradients));
  exports.Set("adamwUpdate", Napi::Function::New(env, adamwUpdate));
  exports.Set("globalNorm", Napi::Function::New(env, globalNorm));
}

}  // namespace parl::addon
