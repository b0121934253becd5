#include "core/counter_rng.h"

#include "arguments.h"
#include "register.h"

namespace parl::addon {
namespace {

struct Stream {
  CounterGenerator generator;
  int rounds;
  std::span<uint64_t> counter, key;
};

// Arguments `index` to `index + 3`: generator, rounds, counter, key.
Stream streamOf(const Napi::CallbackInfo& info, size_t index) {
  const int64_t generator = extent(info, index, "generator"), rounds = extent(info, index + 1, "rounds");
  if (generator > 7) throwArgument(info.Env(), "expected generator to be in 0..7");
  if (rounds > 1000) throwArgument(info.Env(), "expected rounds to be in 0..1000");
  const Stream stream{static_cast<CounterGenerator>(generator), static_cast<int>(rounds), words(info, index + 2, "counter"),
                      words(info, index + 3, "key")};
  const CounterShape shape = counterShape(stream.generator);
  expectLength(info.Env(), "counter", stream.counter.size(), static_cast<size_t>(shape.words));
  expectLength(info.Env(), "key", stream.key.size(), static_cast<size_t>(shape.keyWords));
  return stream;
}

// counterBlock(generator: number, rounds: number, counter: BigUint64Array, key: BigUint64Array, block: BigUint64Array): void
Napi::Value counterBlock(const Napi::CallbackInfo& info) {
  const Stream stream = streamOf(info, 0);
  const auto block = words(info, 4, "block");
  expectLength(info.Env(), "block", block.size(), stream.counter.size());
  parl::counterBlock(stream.generator, stream.rounds, stream.counter, stream.key, block);
  return info.Env().Undefined();
}

// counterStream(generator: number, rounds: number, counter: BigUint64Array, key: BigUint64Array, out: Uint32Array): void
Napi::Value counterStream(const Napi::CallbackInfo& info) {
  const Stream stream = streamOf(info, 0);
  const auto out = words32(info, 4, "out");
  parl::counterStream(stream.generator, stream.rounds, stream.counter, stream.key, out);
  return info.Env().Undefined();
}

}  // namespace

void registerCounterRng(Napi::Env env, Napi::Object exports) {
  exports.Set("counterBlock", Napi::Function::New(env, counterBlock));
  exports.Set("counterStream", Napi::Function::New(env, counterStream));
}

}  // namespace parl::addon
