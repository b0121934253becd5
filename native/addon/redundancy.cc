#include "core/redundancy.h"

#include "arguments.h"
#include "core/ngrams.h"
#include "register.h"

namespace parl::addon {
namespace {

// Arguments `index` and `index + 1`: tokens and offsets.
TokenBatch tokenBatch(const Napi::CallbackInfo& info, size_t index, const char* name) {
  const TokenBatch batch{ints(info, index, name), ints(info, index + 1, name)};
  if (!offsetsAscend(batch.offsets)) throwArgument(info.Env(), std::string("expected ") + name + " offsets to ascend from 0");
  expectLength(info.Env(), name, batch.tokens.size(), static_cast<size_t>(batch.offsets.back()));
  return batch;
}

void expectMemory(Napi::Env env, bool ok) {
  if (!ok) throw Napi::Error::New(env, "out of memory");
}

// lcsLengths(aTokens, aOffsets, bTokens, bOffsets: Int32Array, out: Int32Array): void
Napi::Value lcsLengths(const Napi::CallbackInfo& info) {
  const auto a = tokenBatch(info, 0, "a"), b = tokenBatch(info, 2, "b");
  const auto out = ints(info, 4, "out");
  expectLength(info.Env(), "b.offsets", b.offsets.size(), a.offsets.size());
  expectLength(info.Env(), "out", out.size(), a.size());
  expectMemory(info.Env(), parl::lcsLengths(a, b, out));
  return info.Env().Undefined();
}

// rougeL(candidateTokens, candidateOffsets, referenceTokens, referenceOffsets: Int32Array,
//        precision, recall, f: Float64Array): void
Napi::Value rougeL(const Napi::CallbackInfo& info) {
  const auto candidates = tokenBatch(info, 0, "candidates"), references = tokenBatch(info, 2, "references");
  const auto precision = doubles(info, 4, "precision"), recall = doubles(info, 5, "recall"), f = doubles(info, 6, "f");
  expectLength(info.Env(), "references.offsets", references.offsets.size(), candidates.offsets.size());
  expectLength(info.Env(), "precision", precision.size(), candidates.size());
  expectLength(info.Env(), "recall", recall.size(), candidates.size());
  expectLength(info.Env(), "f", f.size(), candidates.size());
  expectMemory(info.Env(), parl::rougeL(candidates, references, precision, recall, f));
  return info.Env().Undefined();
}

// ngramContainment(candidateTokens, candidateOffsets, referenceTokens, referenceOffsets: Int32Array, n: number,
//                  counting: 0 | 1 | 2, out: Float64Array): void
Napi::Value ngramContainment(const Napi::CallbackInfo& info) {
  const auto candidates = tokenBatch(info, 0, "candidates"), references = tokenBatch(info, 2, "references");
  const int64_t n = extent(info, 4, "n"), counting = extent(info, 5, "counting");
  const auto out = doubles(info, 6, "out");
  expectLength(info.Env(), "references.offsets", references.offsets.size(), candidates.offsets.size());
  expectLength(info.Env(), "out", out.size(), candidates.size());
  if (n < 1) throwArgument(info.Env(), "expected n to be at least 1");
  if (counting > 2) throwArgument(info.Env(), "expected counting to be 0, 1 or 2");
  expectMemory(info.Env(), parl::ngramContainment(candidates, references, n, static_cast<GramCounting>(counting), out));
  return info.Env().Undefined();
}

// ngramJaccard(aTokens, aOffsets, bTokens, bOffsets: Int32Array, n: number, counting: 1 | 2, out: Float64Array): void
Napi::Value ngramJaccard(const Napi::CallbackInfo& info) {
  const auto a = tokenBatch(info, 0, "a"), b = tokenBatch(info, 2, "b");
  const int64_t n = extent(info, 4, "n"), counting = extent(info, 5, "counting");
  const auto out = doubles(info, 6, "out");
  expectLength(info.Env(), "b.offsets", b.offsets.size(), a.offsets.size());
  expectLength(info.Env(), "out", out.size(), a.size());
  if (n < 1) throwArgument(info.Env(), "expected n to be at least 1");
  if (counting < 1 || counting > 2) throwArgument(info.Env(), "expected counting to be 1 or 2");
  expectMemory(info.Env(), parl::ngramJaccard(a, b, n, static_cast<GramCounting>(counting), out));
  return info.Env().Undefined();
}

// rougeN(candidateTokens, candidateOffsets, referenceTokens, referenceOffsets: Int32Array, n: number,
//        precision, recall, f: Float64Array): void
Napi::Value rougeN(const Napi::CallbackInfo& info) {
  const auto candidates = tokenBatch(info, 0, "candidates"), references = tokenBatch(info, 2, "references");
  const int64_t n = extent(info, 4, "n");
  const auto precision = doubles(info, 5, "precision"), recall = doubles(info, 6, "recall"), f = doubles(info, 7, "f");
  expectLength(info.Env(), "references.offsets", references.offsets.size(), candidates.offsets.size());
  expectLength(info.Env(), "precision", precision.size(), candidates.size());
  expectLength(info.Env(), "recall", recall.size(), candidates.size());
  expectLength(info.Env(), "f", f.size(), candidates.size());
  if (n < 1) throwArgument(info.Env(), "expected n to be at least 1");
  expectMemory(info.Env(), parl::rougeN(candidates, references, n, precision, recall, f));
  return info.Env().Undefined();
}

// ngramRepetition(tokens, offsets: Int32Array, n: number, out: Float64Array): void
Napi::Value ngramRepetition(const Napi::CallbackInfo& info) {
  const auto sequences = tokenBatch(info, 0, "sequences");
  const int64_t n = extent(info, 2, "n");
  const auto out = doubles(info, 3, "out");
  expectLength(info.Env(), "out", out.size(), sequences.size());
  if (n < 1) throwArgument(info.Env(), "expected n to be at least 1");
  expectMemory(info.Env(), parl::ngramRepetition(sequences, n, out));
  return info.Env().Undefined();
}

}  // namespace

void registerRedundancy(Napi::Env env, Napi::Object exports) {
  exports.Set("lcsLengths", Napi::Function::New(env, lcsLengths));
  exports.Set("ngramContainment", Napi::Function::New(env, ngramContainment));
  exports.Set("ngramJaccard", Napi::Function::New(env, ngramJaccard));
  exports.Set("ngramRepetition", Napi::Function::New(env, ngramRepetition));
  exports.Set("rougeL", Napi::Function::New(env, rougeL));
  exports.Set("rougeN", Napi::Function::New(env, rougeN));
}

}  // namespace parl::addon
