#include "core/sampler.h"

#include <atomic>
#include <memory>
#include <new>
#include <string>
#include <vector>

#include "core/thread_pool.h"

#include "arguments.h"
#include "register.h"
#include "sampling_rules.h"
#include "token_grammar.h"

namespace parl::addon {
namespace {

// What outlives the JavaScript object while a worker runs.
struct SamplerState {
  std::unique_ptr<Sampler> sampler;
  std::atomic<bool> abort{false};
  bool running = false;   // main thread only
  bool disposed = false;  // main thread only
};

[[noreturn]] void throwValue(Napi::Env env, const std::string& message) {
  Napi::Error error = Napi::Error::New(env, message);
  error.Set("code", "NATIVE_VALUE");
  throw error;
}

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

DecoderConfig readConfig(Napi::Env env, const Napi::Object& object) {
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

DecoderWeights readWeights(Napi::Env env, const Napi::Object& object, const DecoderConfig& c) {
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

class GenerateWorker : public Napi::AsyncWorker {
 public:
  // `arrays` holds the typed arrays that `weights` points into: it lives as long as the worker.
  GenerateWorker(Napi::Env env, Napi::Object arrays, std::shared_ptr<SamplerState> state, DecoderWeights weights,
                 std::vector<GenerationRequest> requests, GenerationOptions options, int threads)
      : Napi::AsyncWorker(env, "parl_mt.Sampler.generate"),
        deferred_(Napi::Promise::Deferred::New(env)),
        arrays_(Napi::Persistent(arrays)),
        state_(std::move(state)),
        weights_(std::move(weights)),
        requests_(std::move(requests)),
        options_(std::move(options)),
        threads_(threads) {}

  Napi::Promise promise() const { return deferred_.Promise(); }

  void Execute() override {
    const int before = threadCount();
    if (threads_ > 0) setThreadCount(threads_);
    try {
      result_ = state_->sampler->generate(weights_, requests_, options_, state_->abort);
    } catch (const std::bad_alloc&) {
      SetError("expected memory for the activations, the system has no more");
    }
    if (threads_ > 0) setThreadCount(before);
  }

  // Resolves to null when aborted, else to { tokens, logprobs, stopped }[].
  void OnOK() override {
    Napi::Env env = Env();
    finish();
    if (result_.status == GenerationStatus::notFinite) {
      Napi::Error error = Napi::Error::New(env, "expected finite logits, received NaN or Infinity in slot " + std::to_string(result_.slot) +
                                                    " at position " + std::to_string(result_.position) +
                                                    ": have the weights diverged?");
      error.Set("code", "NATIVE_VALUE");
      deferred_.Reject(error.Value());
      return;
    }
    if (result_.status == GenerationStatus::noToken) {
      Napi::Error error = Napi::Error::New(env, "expected the grammar of requests[" + std::to_string(result_.request) +
                                                    "] to leave a token that the rules leave too, at position " +
                                                    std::to_string(result_.position) + " there is none");
      error.Set("code", "NATIVE_VALUE");
      deferred_.Reject(error.Value());
      return;
    }
    if (result_.status == GenerationStatus::aborted) {
      deferred_.Resolve(env.Null());
      return;
    }
    Napi::Array sequences = Napi::Array::New(env, result_.sequences.size());
    for (uint32_t i = 0; i < result_.sequences.size(); ++i) {
      const GeneratedSequence& sequence = result_.sequences[i];
      auto tokens = Napi::Int32Array::New(env, sequence.tokens.size());
      auto logprobs = Napi::Float32Array::New(env, sequence.logprobs.size());
      std::copy(sequence.tokens.begin(), sequence.tokens.end(), tokens.Data());
      std::copy(sequence.logprobs.begin(), sequence.logprobs.end(), logprobs.Data());
      Napi::Object object = Napi::Object::New(env);
      object.Set("tokens", tokens);
      object.Set("logprobs", logprobs);
      object.Set("stopped", sequence.stopped);
      object.Set("stopText", sequence.stopText);
      if (options_.untruncatedLogprobs) {
        auto untruncated = Napi::Float32Array::New(env, sequence.untruncatedLogprobs.size());
        std::copy(sequence.untruncatedLogprobs.begin(), sequence.untruncatedLogprobs.end(), untruncated.Data());
        object.Set("untruncatedLogprobs", untruncated);
      }
      sequences.Set(i, object);
    }
    deferred_.Resolve(sequences);
  }

  void OnError(const Napi::Error& error) override {
    finish();
    error.Set("code", "NATIVE_VALUE");
    deferred_.Reject(error.Value());
  }

 private:
  void finish() {
    state_->running = false;
    if (state_->disposed) state_->sampler.reset();
  }

  Napi::Promise::Deferred deferred_;
  Napi::ObjectReference arrays_;
  std::shared_ptr<SamplerState> state_;
  const DecoderWeights weights_;
  const std::vector<GenerationRequest> requests_;
  const GenerationOptions options_;
  const int threads_;
  GenerationResult result_;
};

// new Sampler(config, weights, maxSlots, maxTokensPerSlot, cacheTokens). Weights stay in their Float32Arrays; their addresses and
// lengths are read again at every generate(), since an ArrayBuffer can be transferred away between calls. `weights` must
// be an object of the wrapper's own, so that nobody takes an array out of it.
class SamplerHandle : public Napi::ObjectWrap<SamplerHandle> {
 public:
  static Napi::Function define(Napi::Env env) {
    return DefineClass(env, "Sampler",
                       {InstanceMethod("generate", &SamplerHandle::generate), InstanceMethod("abort", &SamplerHandle::abort),
                        InstanceMethod("reset", &SamplerHandle::reset), InstanceMethod("dispose", &SamplerHandle::dispose),
                        InstanceMethod("slotTokens", &SamplerHandle::slotTokens),
                        InstanceMethod("promptTokens", &SamplerHandle::promptTokens)});
  }

  explicit SamplerHandle(const Napi::CallbackInfo& info)
      : Napi::ObjectWrap<SamplerHandle>(info), state_(std::make_shared<SamplerState>()) {
    Napi::Env env = info.Env();
    if (!info[0].IsObject()) throwArgument(env, "expected config to be an object");
    if (!info[1].IsObject()) throwArgument(env, "expected weights to be an object");
    config_ = readConfig(env, info[0].As<Napi::Object>());
    readWeights(env, info[1].As<Napi::Object>(), config_);
    weights_ = Napi::Persistent(info[1].As<Napi::Object>());
    const int64_t maxSlots = extent(info, 2, "maxSlots"), maxTokensPerSlot = extent(info, 3, "maxTokensPerSlot");
    const int64_t cacheTokens = extent(info, 4, "cacheTokens");
    try {
      state_->sampler = std::make_unique<Sampler>(config_, maxSlots, maxTokensPerSlot, cacheTokens);
    } catch (const std::bad_alloc&) {
      throwValue(env, "expected memory for " + std::to_string(Sampler::memoryBytes(config_, maxSlots, maxTokensPerSlot, cacheTokens)) +
                          " bytes (maxSlots " + std::to_string(maxSlots) + ", maxTokensPerSlot " +
                          std::to_string(maxTokensPerSlot) + "), the system has no more");
    }
  }

 private:
  Sampler& idle(Napi::Env env, const char* operation) {
    if (state_->disposed) throwValue(env, std::string("expected a sampler in use, received ") + operation + " after dispose()");
    if (state_->running) {
      throwValue(env, std::string("expected one call at a time, received ") + operation + " while generate() runs");
    }
    return *state_->sampler;
  }

  // generate(slots: Int32Array, promptOffsets: Int32Array, prompts: Int32Array, maxNewTokens: Int32Array,
  //          seeds: Float64Array, stopTokens: Int32Array, temperature: number, threads: number, rules?: object,
  //          stopTexts?: object, untruncatedLogprobs?: boolean, grammars?: (TokenGrammar | undefined)[])
  //   : Promise<{ tokens: Int32Array, logprobs: Float32Array, untruncatedLogprobs?: Float32Array, stopped: boolean,
  //               stopText: number }[] | null>
  Napi::Value generate(const Napi::CallbackInfo& info) {
    Napi::Env env = info.Env();
    Sampler& sampler = idle(env, "generate()");
    const auto slots = ints(info, 0, "slots"), offsets = ints(info, 1, "promptOffsets"), prompts = ints(info, 2, "prompts");
    const auto maxNewTokens = ints(info, 3, "maxNewTokens");
    const auto seeds = doubles(info, 4, "seeds");
    const auto stopTokens = ints(info, 5, "stopTokens");
    const size_t count = slots.size();
    expectLength(env, "promptOffsets", offsets.size(), count + 1);
    expectLength(env, "maxNewTokens", maxNewTokens.size(), count);
    expectLength(env, "seeds", seeds.size(), count);
    std::vector<GenerationRequest> requests;
    std::vector<bool> taken(static_cast<size_t>(sampler.maxSlots()), false);
    for (size_t i = 0; i < count; ++i) {
      const int32_t begin = offsets[i], end = offsets[i + 1], slot = slots[i];
      // -1, any slot, in all requests or in none
      const bool slotFits = slots[0] < 0 ? slot == -1 : slot >= 0 && slot < sampler.maxSlots() && !taken[static_cast<size_t>(slot)];
      const bool promptFits = begin >= 0 && begin < end && static_cast<size_t>(end) <= prompts.size();
      const int64_t length = int64_t{end} - begin + maxNewTokens[i];
      const bool lengthFits = maxNewTokens[i] >= 1 && length <= sampler.maxTokensPerSlot() && CacheLedger::rounded(length) <= sampler.cacheTokens();
      const bool seedFits = seeds[i] >= 0 && seeds[i] <= 9007199254740991.0;
      if (!slotFits || !promptFits || !lengthFits || !seedFits) {
        throwArgument(env, "expected request " + std::to_string(i) + " to fit the sampler");
      }
      if (slot >= 0) taken[static_cast<size_t>(slot)] = true;
      const auto prompt = prompts.subspan(static_cast<size_t>(begin), static_cast<size_t>(end - begin));
      for (const int32_t token : prompt) {
        if (token < 0 || token >= config_.vocabSize) throwArgument(env, "expected prompt tokens below vocabSize");
      }
      requests.push_back({slot, {prompt.begin(), prompt.end()}, maxNewTokens[i], static_cast<uint64_t>(seeds[i])});
      if (info[11].IsArray()) {
        auto& grammar = requests.back().grammar = grammarOf(env, info[11].As<Napi::Array>().Get(static_cast<uint32_t>(i)));
        if (grammar && grammar->vocabSize() != config_.vocabSize) throwArgument(env, "expected grammars of the model's vocabulary");
      }
    }
    GenerationOptions options{.temperature = static_cast<float>(number(info, 6, "temperature")),
                              .stopTokens = {stopTokens.begin(), stopTokens.end()},
                              .rules = readSamplingRules(env, info[8]),
                              .stopTexts = readStopTexts(env, info[9], config_.vocabSize),
                              .untruncatedLogprobs = info[10].ToBoolean()};
    const int threads = static_cast<int>(extent(info, 7, "threads"));
    DecoderWeights weights = readWeights(env, weights_.Value(), config_);

    state_->abort.store(false);
    state_->running = true;
    auto* worker = new GenerateWorker(env, weights_.Value(), state_, std::move(weights), std::move(requests), std::move(options), threads);
    const Napi::Promise promise = worker->promise();
    worker->Queue();
    return promise;
  }

  // abort(): the running generate(), if there is one, resolves to null at its next token
  Napi::Value abort(const Napi::CallbackInfo& info) {
    state_->abort.store(true);
    return info.Env().Undefined();
  }

  // reset(): forgets the contents of all slots
  Napi::Value reset(const Napi::CallbackInfo& info) {
    idle(info.Env(), "reset()").reset();
    return info.Env().Undefined();
  }

  // dispose(): frees the memory, now or when the running generate() has noticed; a second call does nothing
  Napi::Value dispose(const Napi::CallbackInfo& info) {
    state_->disposed = true;
    state_->abort.store(true);
    if (!state_->running) state_->sampler.reset();
    weights_.Reset();
    return info.Env().Undefined();
  }

  // slotTokens(slot: number): Int32Array, the tokens whose keys and values the slot holds
  Napi::Value slotTokens(const Napi::CallbackInfo& info) {
    Sampler& sampler = idle(info.Env(), "slotTokens()");
    const int64_t slot = extent(info, 0, "slot");
    if (slot >= sampler.maxSlots()) throwArgument(info.Env(), "expected slot to be below maxSlots");
    const auto& tokens = sampler.slotTokens(static_cast<int>(slot));
    auto result = Napi::Int32Array::New(info.Env(), tokens.size());
    std::copy(tokens.begin(), tokens.end(), result.Data());
    return result;
  }

  // promptTokens(): { computed: number, reused: number, preemptions: number, recomputed: number }
  Napi::Value promptTokens(const Napi::CallbackInfo& info) {
    const Sampler& sampler = idle(info.Env(), "promptTokens()");
    Napi::Object result = Napi::Object::New(info.Env());
    result.Set("computed", static_cast<double>(sampler.computedPromptTokens()));
    result.Set("reused", static_cast<double>(sampler.reusedPromptTokens()));
    result.Set("preemptions", static_cast<double>(sampler.preemptions()));
    result.Set("recomputed", static_cast<double>(sampler.recomputedTokens()));
    return result;
  }

  DecoderConfig config_;
  Napi::ObjectReference weights_;
  std::shared_ptr<SamplerState> state_;
};

// samplerMemoryBytes(config, maxSlots, maxTokensPerSlot, cacheTokens): number
Napi::Value samplerMemoryBytes(const Napi::CallbackInfo& info) {
  if (!info[0].IsObject()) throwArgument(info.Env(), "expected config to be an object");
  const DecoderConfig config = readConfig(info.Env(), info[0].As<Napi::Object>());
  const int64_t bytes = Sampler::memoryBytes(config, extent(info, 1, "maxSlots"), extent(info, 2, "maxTokensPerSlot"),
                                             extent(info, 3, "cacheTokens"));
  return Napi::Number::New(info.Env(), static_cast<double>(bytes));
}

}  // namespace

void registerSampler(Napi::Env env, Napi::Object exports) {
  exports.Set("Sampler", SamplerHandle::define(env));
  exports.Set("samplerMemoryBytes", Napi::Function::New(env, samplerMemoryBytes));
}

}  // namespace parl::addon
