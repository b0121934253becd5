#include "core/dequantize.h"

#include "arguments.h"
#include "register.h"

namespace parl::addon {
namespace {

// dequantize(type: number, blocks: Uint8Array, out: Float32Array): void
Napi::Value dequantize(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const int64_t number = extent(info, 0, "type");
  const BlockType type = static_cast<BlockType>(number < 1024 ? number : -1);
  const BlockFormat format = blockFormat(type);
  if (format.elements == 0) throwArgument(env, "expected a block type that is read here, received " + std::to_string(number));
  const auto blocks = bytes(info, 1, "blocks");
  const auto out = floats(info, 2, "out");
  const size_t blockBytes = static_cast<size_t>(format.bytes);
  if (blocks.size() % blockBytes != 0) {
    throwArgument(env, "expected blocks of " + std::to_string(format.bytes) + " bytes each, received " + std::to_string(blocks.size()) + " bytes");
  }
  const size_t count = blocks.size() / blockBytes;
  expectLength(env, "out", out.size(), count * static_cast<size_t>(format.elements));
  parl::dequantize(type, blocks.data(), out.data(), static_cast<int64_t>(count));
  return env.Undefined();
}

}  // namespace

void registerDequantize(Napi::Env env, Napi::Object exports) {
  exports.Set("dequantize", Napi::Function::New(env, dequantize));
}

}  // namespace parl::addon
