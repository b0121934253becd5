#include "core/decoder_layers.h"

#include <new>
#include <string>

#include "arguments.h"
#include "decoder_weights.h"
#include "register.h"
#include "segments.h"

namespace parl::addon {
namespace {

// What passes begin with: config, weights, tokens, offsets, parents, targetRows.
struct Pass {
  DecoderConfig config;
  DecoderWeights weights;
  TrainedTokens trained;

  size_t hiddenFloats(Napi::Env env) const { return elements(env, {trained.targetCount, config.hiddenSize}); }
  size_t keptFloats() const { return static_cast<size_t>(keptActivations(config, weights, trained)); }
};

Pass readPass(const Napi::CallbackInfo& info, size_t at) {
  const Napi::Env env = info.Env();
  if (!info[at].IsObject()) throwArgument(env, "expected config to be an object");
  if (!info[at + 1].IsObject()) throwArgument(env, "expected weights to be an object");
  Pass pass{readDecoderConfig(env, info[at].As<Napi::Object>()), {}, {}};
  if (pass.config.adapterRank != 0) throwArgument(env, "expected a decoder without adapters");
  pass.weights = readDecoderWeights(env, info[at + 1].As<Napi::Object>(), pass.config);
  const auto halves = [&](WeightData weight) {
    if (weight.halves != nullptr) throwArgument(env, "expected weights to be Float32Arrays: bfloat16 ones are constants");
  };
  halves(pass.weights.embedding);
  for (const DecoderLayer& x : pass.weights.layers) {
    for (const WeightData& weight : {x.qProj, x.kProj, x.vProj, x.oProj, x.gateProj, x.upProj, x.downProj}) halves(weight);
  }
  const auto tokens = ints(info, at + 2, "tokens");
  const Segments all = segments(info, at + 3, at + 4);
  const auto targetRows = ints(info, at + 5, "targetRows");
  expectLength(env, "tokens", tokens.size(), static_cast<size_t>(all.offsets[all.count]));
  expectIndices(env, "tokens", tokens, pass.config.vocabSize);
  expectIndices(env, "targetRows", targetRows, static_cast<int64_t>(tokens.size()));
  pass.trained = {tokens.data(), all, targetRows.data(), static_cast<int64_t>(targetRows.size())};
  return pass;
}

template <typename F>
void withMemory(Napi::Env env, F&& f) {
  try {
    f();
  } catch (const std::bad_alloc&) {
    throw Napi::Error::New(env, "expected memory for the activations, the system has no more");
  }
}

// isSmallDecoder(config: object): boolean
Napi::Value isSmallDecoder(const Napi::CallbackInfo& info) {
  if (!info[0].IsObject()) throwArgument(info.Env(), "expected config to be an object");
  return Napi::Boolean::New(info.Env(), parl::isSmallDecoder(readDecoderConfig(info.Env(), info[0].As<Napi::Object>())));
}

// keptActivations(config: object, weights: object, tokens, offsets: Int32Array, parents: Int32Array | undefined, targetRows: Int32Array): number
Napi::Value keptActivations(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), static_cast<double>(readPass(info, 0).keptFloats()));
}

// decoderLayersForward(config: object, weights: object, tokens, offsets: Int32Array, parents: Int32Array | undefined,
//                      targetRows: Int32Array, kept, hidden: Float32Array): void
Napi::Value decoderLayersForward(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const Pass pass = readPass(info, 0);
  const auto kept = floats(info, 6, "kept"), hidden = floats(info, 7, "hidden");
  expectLength(env, "kept", kept.size(), pass.keptFloats());
  expectLength(env, "hidden", hidden.size(), pass.hiddenFloats(env));
  withMemory(env, [&] { parl::decoderLayersForward(pass.config, pass.weights, pass.trained, kept.data(), hidden.data()); });
  return env.Undefined();
}

// decoderLayersBackward(config: object, weights: object, tokens, offsets: Int32Array, parents: Int32Array | undefined,
//                       targetRows: Int32Array, dHidden, kept: Float32Array, gradients: object): void
Napi::Value decoderLayersBackward(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const Pass pass = readPass(info, 0);
  const auto dHidden = floats(info, 6, "dHidden"), kept = floats(info, 7, "kept");
  expectLength(env, "dHidden", dHidden.size(), pass.hiddenFloats(env));
  expectLength(env, "kept", kept.size(), pass.keptFloats());
  if (!info[8].IsObject()) throwArgument(env, "expected gradients to be an object");
  const DecoderGradients gradients = readDecoderGradients(env, info[8].As<Napi::Object>(), pass.config);
  for (size_t l = 0; l < pass.weights.layers.size(); ++l) {
    const DecoderLayer& x = pass.weights.layers[l];
    const DecoderLayerGradients& g = gradients.layers[l];
    const bool fits = (x.qBias != nullptr) == (g.qBias != nullptr) && (x.kBias != nullptr) == (g.kBias != nullptr) &&
                      (x.vBias != nullptr) == (g.vBias != nullptr) && (x.qNorm != nullptr) == (g.qNorm != nullptr) &&
                      (x.kNorm != nullptr) == (g.kNorm != nullptr);
    if (!fits) throwArgument(env, "expected a gradient for each weight of layer " + std::to_string(l));
  }
  withMemory(env, [&] { parl::decoderLayersBackward(pass.config, pass.weights, pass.trained, dHidden.data(), kept.data(), gradients); });
  return env.Undefined();
}

}  // namespace

void registerDecoderLayers(Napi::Env env, Napi::Object exports) {
  exports.Set("decoderLayersBackward", Napi::Function::New(env, decoderLayersBackward));
  exports.Set("decoderLayersForward", Napi::Function::New(env, decoderLayersForward));
  exports.Set("isSmallDecoder", Napi::Function::New(env, isSmallDecoder));
  exports.Set("keptActivations", Napi::Function::New(env, keptActivations));
}

}  // namespace parl::addon
