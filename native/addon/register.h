// One register function a topic; addon.cc calls them all.
#pragma once

#include <napi.h>

namespace parl::addon {

void registerAdamw(Napi::Env env, Napi::Object exports);
void registerAttention(Napi::Env env, Napi::Object exports);
void registerBias(Napi::Env env, Napi::Object exports);
void registerCounterRng(Napi::Env env, Napi::Object exports);
void registerCuda(Napi::Env env, Napi::Object exports);
void registerDecoderLayers(Napi::Env env, Napi::Object exports);
void registerDequantize(Napi::Env env, Napi::Object exports);
void registerDevice(Napi::Env env, Napi::Object exports);
void registerElementwise(Napi::Env env, Napi::Object exports);
void registerEmbedding(Napi::Env env, Napi::Object exports);
void registerGroupAdvantage(Napi::Env env, Napi::Object exports);
void registerLinearLogprob(Napi::Env env, Napi::Object exports);
void registerLogprob(Napi::Env env, Napi::Object exports);
void registerLogitsProcessors(Napi::Env env, Napi::Object exports);
void registerMatmul(Napi::Env env, Napi::Object exports);
void registerMinHash(Napi::Env env, Napi::Object exports);
void registerPolicyLoss(Napi::Env env, Napi::Object exports);
void registerRedundancy(Napi::Env env, Napi::Object exports);
void registerRepeatedCalls(Napi::Env env, Napi::Object exports);
void registerRmsNorm(Napi::Env env, Napi::Object exports);
void registerRope(Napi::Env env, Napi::Object exports);
void registerSampler(Napi::Env env, Napi::Object exports);
void registerScoreTokens(Napi::Env env, Napi::Object exports);
void registerTokenGrammar(Napi::Env env, Napi::Object exports);
void registerSwiglu(Napi::Env env, Napi::Object exports);
void registerTensorMemory(Napi::Env env, Napi::Object exports);
void registerTokenCredit(Napi::Env env, Napi::Object exports);

}  // namespace parl::addon
