#include "core/attention.h"

#include "arguments.h"
#include "register.h"
#include "segments.h"

namespace parl::addon {
namespace {

struct Packed {
  AttentionShape shape;
  Segments segments;
  size_t queryFloats, keyFloats, rowHeads;
};

// offsets, then numHeads, numKvHeads, headDim, parents at the given places.
Packed packed(const Napi::CallbackInfo& info, size_t offsetsAt, size_t shapeAt) {
  const Napi::Env env = info.Env();
  const AttentionShape shape{extent(info, shapeAt, "numHeads"), extent(info, shapeAt + 1, "numKvHeads"), extent(info, shapeAt + 2, "headDim")};
  if (shape.numKvHeads == 0 || shape.headDim == 0 || shape.numHeads % shape.numKvHeads != 0) {
    throwArgument(env, "expected numHeads to be a multiple of numKvHeads, and numKvHeads and headDim to be positive");
  }
  const Segments all = segments(info, offsetsAt, shapeAt + 3);
  const int64_t n = all.offsets[all.count];
  return {shape, all, elements(env, {n, shape.numHeads, shape.headDim}), elements(env, {n, shape.numKvHeads, shape.headDim}),
          elements(env, {n, shape.numHeads})};
}

// attentionForward(q, k, v: Float32Array, offsets: Int32Array, out, lse: Float32Array, numHeads, numKvHeads, headDim,
//                  parents: Int32Array | undefined): void
Napi::Value attentionForward(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const auto q = floats(info, 0, "q"), k = floats(info, 1, "k"), v = floats(info, 2, "v");
  const auto out = floats(info, 4, "out"), lse = floats(info, 5, "lse");
  const Packed x = packed(info, 3, 6);
  expectLength(env, "q", q.size(), x.queryFloats);
  expectLength(env, "k", k.size(), x.keyFloats);
  expectLength(env, "v", v.size(), x.keyFloats);
  expectLength(env, "out", out.size(), x.queryFloats);
  expectLength(env, "lse", lse.size(), x.rowHeads);
  parl::attentionForward(q.data(), k.data(), v.data(), x.segments, out.data(), lse.data(), x.shape);
  return env.Undefined();
}

// attentionBackward(dOut, q, k, v, out, lse: Float32Array, offsets: Int32Array, dq, dk, dv: Float32Array, numHeads, numKvHeads,
//                   headDim, parents: Int32Array | undefined): void
Napi::Value attentionBackward(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const auto dOut = floats(info, 0, "dOut"), q = floats(info, 1, "q"), k = floats(info, 2, "k"), v = floats(info, 3, "v");
  const auto out = floats(info, 4, "out"), lse = floats(info, 5, "lse");
  const auto dq = floats(info, 7, "dq"), dk = floats(info, 8, "dk"), dv = floats(info, 9, "dv");
  const Packed x = packed(info, 6, 10);
  expectLength(env, "dOut", dOut.size(), x.queryFloats);
  expectLength(env, "q", q.size(), x.queryFloats);
  expectLength(env, "k", k.size(), x.keyFloats);
  expectLength(env, "v", v.size(), x.keyFloats);
  expectLength(env, "out", out.size(), x.queryFloats);
  expectLength(env, "lse", lse.size(), x.rowHeads);
  expectLength(env, "dq", dq.size(), x.queryFloats);
  expectLength(env, "dk", dk.size(), x.keyFloats);
  expectLength(env, "dv", dv.size(), x.keyFloats);
  parl::attentionBackward(dOut.data(), q.data(), k.data(), v.data(), out.data(), lse.data(), x.segments, dq.data(),
                          dk.data(), dv.data(), x.shape);
  return env.Undefined();
}

}  // namespace

void registerAttention(Napi::Env env, Napi::Object exports) {
  exports.Set("attentionBackward", Napi::Function::New(env, attentionBackward));
  exports.Set("attentionForward", Napi::Function::New(env, attentionForward));
}

}  // namespace parl::addon
