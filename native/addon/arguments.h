// Reading arguments of a binding: wrong types and extents throw here, because inside the core they would crash.
#pragma once

#include <napi.h>

#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <vector>

#include "core/group_advantage.h"
#include "core/token_rewards.h"
#include "core/weight_data.h"

namespace parl::addon {

[[noreturn]] inline void throwArgument(Napi::Env env, const std::string& message) {
  Napi::TypeError error = Napi::TypeError::New(env, message);
  error.Set("code", "SHAPE");
  throw error;
}

namespace detail {
template <typename Array, typename T>
std::span<T> typedArray(const Napi::CallbackInfo& info, size_t index, const char* name, napi_typedarray_type type,
                        const char* typeName) {
  const Napi::Value value = info[index];
  if (!value.IsTypedArray() || value.As<Napi::TypedArray>().TypedArrayType() != type) {
    throwArgument(info.Env(), std::string("expected ") + name + " to be a " + typeName);
  }
  Array array = value.As<Array>();
  return {array.Data(), array.ElementLength()};
}
}  // namespace detail

inline std::span<float> floats(const Napi::CallbackInfo& info, size_t index, const char* name) {
  return detail::typedArray<Napi::Float32Array, float>(info, index, name, napi_float32_array, "Float32Array");
}
inline std::vector<std::span<float>> floatArrays(const Napi::CallbackInfo& info, size_t index, const std::string& name) {
  if (!info[index].IsArray()) throwArgument(info.Env(), "expected " + name + " to be an array of Float32Arrays");
  const auto array = info[index].As<Napi::Array>();
  std::vector<std::span<float>> tensors;
  for (uint32_t i = 0; i < array.Length(); ++i) {
    const Napi::Value value = array[i];
    if (!value.IsTypedArray() || value.As<Napi::TypedArray>().TypedArrayType() != napi_float32_array) {
      throwArgument(info.Env(), "expected " + name + "[" + std::to_string(i) + "] to be a Float32Array");
    }
    auto tensor = value.As<Napi::Float32Array>();
    tensors.emplace_back(tensor.Data(), tensor.ElementLength());
  }
  return tensors;
}
// A constant matrix: a Float32Array, or the bits of bfloat16 values in a Uint16Array.
struct WeightArgument {
  WeightData data;
  size_t size;
};
inline WeightArgument weightArgument(const Napi::CallbackInfo& info, size_t index, const char* name) {
  const Napi::Value value = info[index];
  if (value.IsTypedArray() && value.As<Napi::TypedArray>().TypedArrayType() == napi_uint16_array) {
    auto array = value.As<Napi::Uint16Array>();
    return {reinterpret_cast<const Bf16*>(array.Data()), array.ElementLength()};
  }
  const std::span<float> values = floats(info, index, name);
  return {static_cast<const float*>(values.data()), values.size()};
}
inline std::span<double> doubles(const Napi::CallbackInfo& info, size_t index, const char* name) {
  return detail::typedArray<Napi::Float64Array, double>(info, index, name, napi_float64_array, "Float64Array");
}
inline std::span<int32_t> ints(const Napi::CallbackInfo& info, size_t index, const char* name) {
  return detail::typedArray<Napi::Int32Array, int32_t>(info, index, name, napi_int32_array, "Int32Array");
}
inline std::span<uint8_t> bytes(const Napi::CallbackInfo& info, size_t index, const char* name) {
  return detail::typedArray<Napi::Uint8Array, uint8_t>(info, index, name, napi_uint8_array, "Uint8Array");
}
inline std::span<uint32_t> words32(const Napi::CallbackInfo& info, size_t index, const char* name) {
  return detail::typedArray<Napi::Uint32Array, uint32_t>(info, index, name, napi_uint32_array, "Uint32Array");
}
inline std::span<uint64_t> words(const Napi::CallbackInfo& info, size_t index, const char* name) {
  return detail::typedArray<Napi::BigUint64Array, uint64_t>(info, index, name, napi_biguint64_array, "BigUint64Array");
}

inline void expectLength(Napi::Env env, const char* name, size_t received, size_t expected) {
  if (received != expected) {
    throwArgument(env, std::string("expected ") + name + ".length to be " + std::to_string(expected) + ", received " +
                           std::to_string(received));
  }
}

inline double number(const Napi::CallbackInfo& info, size_t index, const char* name) {
  if (!info[index].IsNumber()) throwArgument(info.Env(), std::string("expected ") + name + " to be a number");
  return info[index].As<Napi::Number>().DoubleValue();
}

// A non-negative integer below 2^53.
inline int64_t extent(const Napi::CallbackInfo& info, size_t index, const char* name) {
  const double value = number(info, index, name);
  if (!(value >= 0 && value <= 9007199254740991.0) || value != static_cast<double>(static_cast<int64_t>(value))) {
    throwArgument(info.Env(), std::string("expected ") + name + " to be a non-negative integer, received " +
                                  std::to_string(value));
  }
  return static_cast<int64_t>(value);
}

// The number of elements of a shape; throws where it could not be an array's length.
inline size_t elements(Napi::Env env, std::initializer_list<int64_t> shape) {
  int64_t count = 1;
  for (int64_t extent : shape) {
    if (__builtin_mul_overflow(count, extent, &count)) throwArgument(env, "expected the shape's product to be below 2^63");
  }
  return static_cast<size_t>(count);
}

// Indices into [0, limit): an embedding's ids, the targets of a log-probability.
inline void expectIndices(Napi::Env env, const char* name, std::span<const int32_t> indices, int64_t limit) {
  for (size_t i = 0; i < indices.size(); ++i) {
    if (indices[i] < 0 || indices[i] >= limit) {
      throwArgument(env, std::string("expected ") + name + "[" + std::to_string(i) + "] to be in 0.." +
                             std::to_string(limit - 1) + ", received " + std::to_string(indices[i]));
    }
  }
}

// Float32Array, or null where the caller does not want or have it: then data() is nullptr.
inline std::span<float> floatsOrNull(const Napi::CallbackInfo& info, size_t index, const char* name) {
  if (info[index].IsNull() || info[index].IsUndefined()) return {};
  return floats(info, index, name);
}

// Arguments `index` and `index + 1`: the mask and the offsets of rows of tokens.
inline TokenRows tokenRows(const Napi::CallbackInfo& info, size_t index) {
  const TokenRows rows{bytes(info, index, "mask"), ints(info, index + 1, "offsets")};
  if (!offsetsAscend(rows.offsets)) throwArgument(info.Env(), "expected offsets to ascend from 0");
  expectLength(info.Env(), "mask", rows.mask.size(), static_cast<size_t>(rows.offsets.back()));
  return rows;
}

// Arguments `index` and `index + 1`: estimator and epsilon.
inline GroupAdvantageOptions groupOptions(const Napi::CallbackInfo& info, size_t index) {
  const int64_t estimator = extent(info, index, "estimator");
  if (estimator > 2) throwArgument(info.Env(), "expected estimator to be 0, 1 or 2, received " + std::to_string(estimator));
  return {.estimator = static_cast<AdvantageEstimator>(estimator), .epsilon = number(info, index + 1, "epsilon")};
}

inline bool flag(const Napi::CallbackInfo& info, size_t index) { return info[index].ToBoolean().Value(); }

}  // namespace parl::addon
