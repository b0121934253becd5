#include "core/score_tokens.h"

#include <new>

#include "arguments.h"
#include "decoder_weights.h"
#include "register.h"
#include "segments.h"

namespace parl::addon {
namespace {

// scoreTokens(config: object, weights: object, tokens, offsets: Int32Array, parents: Int32Array | undefined, targetRows: Int32Array,
//             targets: Int32Array, temperature, logprobs: Float32Array, entropies: Float32Array | null): void
Napi::Value scoreTokens(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (!info[0].IsObject()) throwArgument(env, "expected config to be an object");
  if (!info[1].IsObject()) throwArgument(env, "expected weights to be an object");
  const DecoderConfig config = readDecoderConfig(env, info[0].As<Napi::Object>());
  const DecoderWeights weights = readDecoderWeights(env, info[1].As<Napi::Object>(), config);
  const auto tokens = ints(info, 2, "tokens");
  const Segments all = segments(info, 3, 4);
  const auto targetRows = ints(info, 5, "targetRows"), targets = ints(info, 6, "targets");
  const auto temperature = static_cast<float>(number(info, 7, "temperature"));
  const auto logprobs = floats(info, 8, "logprobs"), entropies = floatsOrNull(info, 9, "entropies");
  expectLength(env, "tokens", tokens.size(), static_cast<size_t>(all.offsets[all.count]));
  expectLength(env, "targetRows", targetRows.size(), targets.size());
  expectLength(env, "logprobs", logprobs.size(), targets.size());
  if (entropies.data() != nullptr) expectLength(env, "entropies", entropies.size(), targets.size());
  expectIndices(env, "tokens", tokens, config.vocabSize);
  expectIndices(env, "targetRows", targetRows, static_cast<int64_t>(tokens.size()));
  expectIndices(env, "targets", targets, config.vocabSize);
  try {
    parl::scoreTokens(config, weights, {tokens.data(), all, targetRows.data(), targets.data(), static_cast<int64_t>(targets.size())},
                      temperature, logprobs.data(), entropies.data());
  } catch (const std::bad_alloc&) {
    throw Napi::Error::New(env, "expected memory for the activations, the system has no more");
  }
  return env.Undefined();
}

}  // namespace

void registerScoreTokens(Napi::Env env, Napi::Object exports) {
  exports.Set("scoreTokens", Napi::Function::New(env, scoreTokens));
}

}  // namespace parl::addon
