// One register function a topic; addon.cc calls them all.
#pragma once

#include <napi.h>

namespace parl::addon {

void registerCuda(Napi::Env env, Napi::Object exports);
void registerDevice(Napi::Env env, Napi::Object exports);
void registerGroupAdvantage(Napi::Env env, Napi::Object exports);
void registerRedundancy(Napi::Env env, Napi::Object exports);
void registerRepeatedCalls(Napi::Env env, Napi::Object exports);
void registerSampler(Napi::Env env, Napi::Object exports);

}  // namespace parl::addon
