#include "decoder_weights.h"

#include <string>

#include "arguments.h"

namespace parl::addon {
namespace {

int64_t extentOf(Napi::Env env, const Napi::Object& object, const char* name) {
  const Napi::Value value = object.Get(name);
  const double number = value.IsNumber() ? value.As<Napi::Number>().DoubleValue() : -1.0;
  if (!(number >= 1 && number <= 2147483647.0) || number != static_cast<double>(static_cast<int64_t>(number))) {
    throwArgument(env, std::string("expected ") + name + " to be an integer in 1..2147483647");
  }
  return static_cast<int64_t>(number);
}
double realOf(Napi::Env env, const Napi::Object& object, const char* name) {
  const Napi::Value value = object.Get(name);
  if (!value.IsNumber()) throwArgument(env, std::string("expected ") + name + " to be a number");
  return value.As<Napi::Number>().DoubleValue();
}

// Frequencies are absent where theta gives them.
RopeAngles readRope(Napi::Env env, const Napi::Object& object, int64_t headDim) {
  RopeAngles angles{.theta = realOf(env, object, "ropeTheta"), .scale = static_cast<float>(realOf(env, object, "ropeScale"))};
  const Napi::Value value = object.Get("ropeFrequencies");
  if (value.IsUndefined()) return angles;
  if (!value.IsTypedArray() || value.As<Napi::TypedArray>().TypedArrayType() != napi_float32_array) {
    throwArgument(env, "expected ropeFrequencies to be a Float32Array");
  }
  const auto array = value.As<Napi::Float32Array>();
  expectLength(env, "ropeFrequencies", array.ElementLength(), static_cast<size_t>(headDim / 2));
  angles.frequencies.assign(array.Data(), array.Data() + array.ElementLength());
  return angles;
}

// 0 without adapters.
int64_t adapterRankOf(Napi::Env env, const Napi::Object& object) {
  return realOf(env, object, "adapterRank") == 0 ? 0 : extentOf(env, object, "adapterRank");
}

}  // namespace

DecoderConfig readDecoderConfig(Napi::Env env, const Napi::Object& object) {
  return {.vocabSize = extentOf(env, object, "vocabSize"),
          .hiddenSize = extentOf(env, object, "hiddenSize"),
          .numLayers = extentOf(env, object, "numLayers"),
          .numHeads = extentOf(env, object, "numHeads"),
          .numKvHeads = extentOf(env, object, "numKvHeads"),
          .headDim = extentOf(env, object, "headDim"),
          .intermediateSize = extentOf(env, object, "intermediateSize"),
          .rope = readRope(env, object, extentOf(env, object, "headDim")),
          .rmsNormEps = static_cast<float>(realOf(env, object, "rmsNormEps")),
          .adapterRank = adapterRankOf(env, object)};
}

namespace {

// A weight of the JavaScript object, whose length is checked: the core reads it without asking.
const float* readWeight(Napi::Env env, const Napi::Object& object, const char* name, const std::string& path, int64_t length,
                        bool optional) {
  const Napi::Value value = object.Get(name);
  if (optional && value.IsUndefined()) return nullptr;
  if (!value.IsTypedArray() || value.As<Napi::TypedArray>().TypedArrayType() != napi_float32_array) {
    throwArgument(env, "expected " + path + name + " to be a Float32Array");
  }
  auto array = value.As<Napi::Float32Array>();
  expectLength(env, (path + name).c_str(), array.ElementLength(), static_cast<size_t>(length));
  return array.Data();
}

// The same for a matrix, which may be bfloat16 values in a Uint16Array.
WeightData readMatrix(Napi::Env env, const Napi::Object& object, const char* name, const std::string& path, int64_t length,
                      bool optional) {
  const Napi::Value value = object.Get(name);
  if (!value.IsTypedArray() || value.As<Napi::TypedArray>().TypedArrayType() != napi_uint16_array) {
    return readWeight(env, object, name, path, length, optional);
  }
  auto array = value.As<Napi::Uint16Array>();
  expectLength(env, (path + name).c_str(), array.ElementLength(), static_cast<size_t>(length));
  return reinterpret_cast<const Bf16*>(array.Data());
}

// The adapter of one linear map [out, in]; its rank follows from the length of b.
LowRank readAdapter(Napi::Env env, const Napi::Object& layer, const char* name, const std::string& path, int64_t out, int64_t in,
                    int64_t maxRank) {
  const Napi::Value value = layer.Get(name);
  if (value.IsUndefined()) return {};
  if (!value.IsObject()) throwArgument(env, "expected " + path + name + " to be an object");
  const Napi::Object adapter = value.As<Napi::Object>();
  const Napi::Value b = adapter.Get("b");
  const size_t length = b.IsTypedArray() ? b.As<Napi::TypedArray>().ElementLength() : 0;
  const int64_t rank = static_cast<int64_t>(length) / out;
  if (rank < 1 || rank > maxRank) throwArgument(env, "expected " + path + name + ".b to have a rank in 1.." + std::to_string(maxRank));
  const std::string inner = path + name + ".";
  return {.a = readWeight(env, adapter, "a", inner, rank * in, false),
          .b = readWeight(env, adapter, "b", inner, out * rank, false),
          .rank = rank,
          .scale = static_cast<float>(realOf(env, adapter, "scale"))};
}

}  // namespace

DecoderWeights readDecoderWeights(Napi::Env env, const Napi::Object& object, const DecoderConfig& c) {
  const int64_t d = c.hiddenSize, q = c.numHeads * c.headDim, kv = c.numKvHeads * c.headDim, f = c.intermediateSize;
  DecoderWeights weights;
  weights.embedding = readMatrix(env, object, "embedding", "weights.", c.vocabSize * d, false);
  weights.finalNorm = readWeight(env, object, "finalNorm", "weights.", d, false);
  weights.head = readMatrix(env, object, "lmHead", "weights.", c.vocabSize * d, true);
  if (!weights.head) weights.head = weights.embedding;
  const Napi::Value layers = object.Get("layers");
  if (!layers.IsArray()) throwArgument(env, "expected weights.layers to be an array");
  expectLength(env, "weights.layers", layers.As<Napi::Array>().Length(), static_cast<size_t>(c.numLayers));
  for (uint32_t i = 0; i < static_cast<uint32_t>(c.numLayers); ++i) {
    const std::string path = "weights.layers[" + std::to_string(i) + "].";
    const Napi::Value entry = layers.As<Napi::Array>().Get(i);
    if (!entry.IsObject()) throwArgument(env, "expected weights.layers[" + std::to_string(i) + "] to be an object");
    const Napi::Object layer = entry.As<Napi::Object>();
    const auto read = [&](const char* name, int64_t length, bool optional = false) {
      return readWeight(env, layer, name, path, length, optional);
    };
    const auto matrix = [&](const char* name, int64_t length) { return readMatrix(env, layer, name, path, length, false); };
    const auto adapter = [&](const char* name, int64_t out, int64_t in) {
      return readAdapter(env, layer, name, path, out, in, c.adapterRank);
    };
    weights.layers.push_back({.inputNorm = read("inputNorm", d),
                              .qProj = matrix("qProj", q * d),
                              .kProj = matrix("kProj", kv * d),
                              .vProj = matrix("vProj", kv * d),
                              .qBias = read("qBias", q, true),
                              .kBias = read("kBias", kv, true),
                              .vBias = read("vBias", kv, true),
                              .qNorm = read("qNorm", c.headDim, true),
                              .kNorm = read("kNorm", c.headDim, true),
                              .oProj = matrix("oProj", d * q),
                              .postNorm = read("postNorm", d),
                              .gateProj = matrix("gateProj", f * d),
                              .upProj = matrix("upProj", f * d),
                              .downProj = matrix("downProj", d * f),
                              .qAdapter = adapter("qAdapter", q, d),
                              .kAdapter = adapter("kAdapter", kv, d),
                              .vAdapter = adapter("vAdapter", kv, d),
                              .oAdapter = adapter("oAdapter", d, q),
                              .gateAdapter = adapter("gateAdapter", f, d),
                              .upAdapter = adapter("upAdapter", f, d),
                              .downAdapter = adapter("downAdapter", d, f)});
  }
  return weights;
}

DecoderGradients readDecoderGradients(Napi::Env env, const Napi::Object& object, const DecoderConfig& config) {
  const DecoderWeights arrays = readDecoderWeights(env, object, config);
  const auto writable = [env](WeightData array) {
    if (array.halves != nullptr) throwArgument(env, "expected gradients to be Float32Arrays");
    return const_cast<float*>(array.floats);
  };
  DecoderGradients gradients{writable(arrays.embedding), writable(arrays.finalNorm), {}};
  for (const DecoderLayer& x : arrays.layers) {
    gradients.layers.push_back({.inputNorm = writable(x.inputNorm), .qProj = writable(x.qProj), .kProj = writable(x.kProj),
                                .vProj = writable(x.vProj), .qBias = writable(x.qBias), .kBias = writable(x.kBias), .vBias = writable(x.vBias),
                                .qNorm = writable(x.qNorm), .kNorm = writable(x.kNorm), .oProj = writable(x.oProj),
                                .postNorm = writable(x.postNorm), .gateProj = writable(x.gateProj), .upProj = writable(x.upProj),
                                .downProj = writable(x.downProj)});
  }
  return gradients;
}

}  // namespace parl::addon
