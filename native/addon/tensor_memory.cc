#include "core/tensor_memory.h"

#include <new>

#include "arguments.h"
#include "register.h"

namespace parl::addon {
namespace {

// newTensorBuffer(bytes: number): ArrayBuffer
Napi::Value newTensorBuffer(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const int64_t bytes = extent(info, 0, "bytes");
  std::unique_ptr<TensorBuffer> buffer;
  try {
    buffer = std::make_unique<TensorBuffer>(allocateTensorBuffer(bytes));
  } catch (const std::bad_alloc&) {
    throw Napi::RangeError::New(env, "out of memory: a tensor of " + std::to_string(bytes) + " bytes");
  }
  napi_value result = nullptr;
  const auto release = [](napi_env, void*, void* hint) { delete static_cast<TensorBuffer*>(hint); };
  if (napi_create_external_arraybuffer(env, buffer->data, static_cast<size_t>(bytes), release, buffer.get(), &result) != napi_ok) {
    // A host that keeps all memory of JavaScript in one place, such as Electron, takes no other.
    return Napi::ArrayBuffer::New(env, static_cast<size_t>(bytes));
  }
  buffer.release();  // NOLINT: the array buffer owns it now
  return {env, result};
}

}  // namespace

void registerTensorMemory(Napi::Env env, Napi::Object exports) {
  exports.Set("newTensorBuffer", Napi::Function::New(env, newTensorBuffer));
}

}  // namespace parl::addon
