// Segments of packed tokens, from arguments of a binding.
#pragma once

#include <string>

#include "arguments.h"
#include "core/attention.h"

namespace parl::addon {

// `offsets` at one place and `parents`, which may be undefined, at another.
inline Segments segments(const Napi::CallbackInfo& info, size_t offsetsAt, size_t parentsAt) {
  const Napi::Env env = info.Env();
  const auto offsets = ints(info, offsetsAt, "offsets");
  if (offsets.empty() || offsets[0] != 0) throwArgument(env, "expected offsets to start with 0");
  for (size_t s = 1; s < offsets.size(); ++s) {
    if (offsets[s] < offsets[s - 1]) throwArgument(env, "expected offsets to ascend, see entry " + std::to_string(s));
  }
  const Segments result{offsets.data(), static_cast<int64_t>(offsets.size()) - 1};
  if (info[parentsAt].IsUndefined()) return result;
  const auto parents = ints(info, parentsAt, "parents");
  expectLength(env, "parents", parents.size(), static_cast<size_t>(result.count));
  for (size_t s = 0; s < parents.size(); ++s) {
    if (parents[s] < -1 || parents[s] >= static_cast<int32_t>(s)) {
      throwArgument(env, "expected parents[" + std::to_string(s) + "] to be -1 or an earlier segment, received " + std::to_string(parents[s]));
    }
  }
  return {result.offsets, result.count, parents.data()};
}

}  // namespace parl::addon
