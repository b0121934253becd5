// XXH64 of bytes: 64 bits, fast, with published test vectors. Not for secrets.
#pragma once

#include <cstddef>
#include <cstdint>

namespace parl {

uint64_t textHash(const void* bytes, size_t sizeBytes, uint64_t seed = 0);

}  // namespace parl
