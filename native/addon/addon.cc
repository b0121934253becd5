#include "register.h"

namespace {

Napi::Object initialise(Napi::Env env, Napi::Object exports) {
  using namespace parl::addon;
  registerAdamw(env, exports);
  registerAttention(env, exports);
  registerBias(env, exports);
  registerCounterRng(env, exports);
  registerCuda(env, exports);
  registerDecoderLayers(env, exports);
  registerDequantize(env, exports);
  registerDevice(env, exports);
  registerElementwise(env, exports);
  registerEmbedding(env, exports);
  registerGroupAdvantage(env, exports);
  registerLinearLogprob(env, exports);
  registerLogitsProcessors(env, exports);
  registerLogprob(env, exports);
  registerMatmul(env, exports);
  registerMinHash(env, exports);
  registerPolicyLoss(env, exports);
  registerRedundancy(env, exports);
  registerRepeatedCalls(env, exports);
  registerRmsNorm(env, exports);
  registerRope(env, exports);
  registerSampler(env, exports);
  registerScoreTokens(env, exports);
  registerTokenGrammar(env, exports);
  registerSwiglu(env, exports);
  registerTensorMemory(env, exports);
  registerTokenCredit(env, exports);
  return exports;
}

}  // namespace

NODE_API_MODULE(parl_mt, initialise)
