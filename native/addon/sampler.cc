#include "core/sampler.h"

#include <atomic>
#include <memory>
#include <new>
#include <string>
#include <vector>

#include "core/thread_pool.h"

#include "arguments.h"
#include "decoder_weights.h"
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
    config_ = readDecoderConfig(env, info[0].As<Napi::Object>());
    readDecoderWeights(env, info[1].As<Napi::Object>(), config_);
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
    DecoderWeights weights = readDecoderWeights(env, weights_.Value(), config_);

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
  const DecoderConfig config = readDecoderConfig(info.Env(), info[0].As<Napi::Object>());
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
