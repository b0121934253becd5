#include "core/logits_processors.h"

#include "register.h"
#include "sampling_rules.h"

namespace parl::addon {
namespace {

// processLogits(logits: Float32Array, tokens: Int32Array, promptLength: number, temperature: number, rules: object): void
Napi::Value processLogits(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const auto logits = floats(info, 0, "logits");
  const auto tokens = ints(info, 1, "tokens");
  const int64_t promptLength = extent(info, 2, "promptLength");
  for (const int32_t token : tokens) {
    if (token < 0 || static_cast<size_t>(token) >= logits.size()) throwArgument(env, "expected tokens below the length of logits");
  }
  if (promptLength > static_cast<int64_t>(tokens.size())) throwArgument(env, "expected promptLength to be at most tokens.length");
  parl::processLogits(logits, tokens, promptLength, static_cast<float>(number(info, 3, "temperature")), readSamplingRules(env, info[4]));
  return env.Undefined();
}

}  // namespace

void registerLogitsProcessors(Napi::Env env, Napi::Object exports) {
  exports.Set("processLogits", Napi::Function::New(env, processLogits, "processLogits"));
}

}  // namespace parl::addon
