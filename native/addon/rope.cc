#include "core/rope.h"

#include "arguments.h"
#include "register.h"

namespace parl::addon {
namespace {

// ropeApply(x: Float32Array, positions: Int32Array, out: Float32Array, n, heads, headDim, theta, inverse,
//           frequencies: Float32Array | null, scale): void
Napi::Value ropeApply(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const auto x = floats(info, 0, "x");
  const auto positions = ints(info, 1, "positions");
  const auto out = floats(info, 2, "out");
  const int64_t n = extent(info, 3, "n"), heads = extent(info, 4, "heads"), headDim = extent(info, 5, "headDim");
  if (headDim % 2 != 0) throwArgument(env, "expected headDim to be even, received " + std::to_string(headDim));
  expectLength(env, "x", x.size(), elements(env, {n, heads, headDim}));
  expectLength(env, "positions", positions.size(), static_cast<size_t>(n));
  expectLength(env, "out", out.size(), x.size());
  expectIndices(env, "positions", positions, int64_t{1} << 31);
  const auto frequencies = floatsOrNull(info, 8, "frequencies");
  if (frequencies.data() != nullptr) expectLength(env, "frequencies", frequencies.size(), static_cast<size_t>(headDim / 2));
  const RopeAngles angles{number(info, 6, "theta"), {frequencies.begin(), frequencies.end()}, static_cast<float>(number(info, 9, "scale"))};
  parl::ropeApply(x.data(), positions.data(), out.data(), n, heads, headDim, angles, flag(info, 7));
  return env.Undefined();
}

}  // namespace

void registerRope(Napi::Env env, Napi::Object exports) {
  exports.Set("ropeApply", Napi::Function::New(env, ropeApply));
}

}  // namespace parl::addon
