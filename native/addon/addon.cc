#include "register.h"

namespace {

Napi::Object initialise(Napi::Env env, Napi::Object exports) {
  using namespace parl::addon;
  registerCuda(env, exports);
  registerDevice(env, exports);
  registerGroupAdvantage(env, exports);
  registerRedundancy(env, exports);
  registerRepeatedCalls(env, exports);
  registerSampler(env, exports);
  return exports;
}

}  // namespace

NODE_API_MODULE(parl_mt, initialise)
