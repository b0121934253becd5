// Minima of many permutations over one set of keys.
//
// Permutations are taken in blocks of 8 vectors whose minima stay in registers while the keys are walked: a multiplication, an
// addition and a minimum a vector and key, the constants read from the first-level cache. Bound by integer arithmetic: 3
// instructions for kWidth hashes, against 4 bytes of key for 128 of them.
#include "core/min_hash.h"

#include "core/kernels/vec.h"

namespace parl::PARL_ISA {
namespace {

typedef uint32_t VecU __attribute__((vector_size(PARL_VEC_WIDTH * 4)));
constexpr int kBlock = 8;

inline VecU loadWords(const uint32_t* p, int lanes) {
  VecU v = {};
  __builtin_memcpy(&v, p, static_cast<size_t>(lanes) * sizeof *p);
  return v;
}

inline VecU smaller(VecU a, VecU b) {
#if PARL_VEC_WIDTH == 16 && defined(PARL_X86)
  return (VecU)_mm512_min_epu32((__m512i)a, (__m512i)b);
#elif PARL_VEC_WIDTH == 8 && defined(PARL_X86)
  return (VecU)_mm256_min_epu32((__m256i)a, (__m256i)b);
#else
  return a < b ? a : b;
#endif
}

// `vectors` vectors of permutations from the constants on; the minima go to out.
template <int vectors>
void minima(const uint32_t* keys, int64_t count, const VecU* multipliers, const VecU* addends, VecU* out) {
  VecU least[vectors];
  for (int v = 0; v < vectors; ++v) least[v] = ~VecU{};
  for (int64_t i = 0; i < count; ++i) {
    const VecU key = keys[i] - VecU{};
    for (int v = 0; v < vectors; ++v) least[v] = smaller(key * multipliers[v] + addends[v], least[v]);
  }
  for (int v = 0; v < vectors; ++v) out[v] = least[v];
}

}  // namespace

void minHashSet(const uint32_t* keys, int64_t count, const uint32_t* multipliers, const uint32_t* addends, int64_t hashes,
                uint32_t* signature) {
  for (int64_t first = 0; first < hashes; first += kBlock * kWidth) {
    const int64_t left = hashes - first;
    VecU mul[kBlock], add[kBlock], least[kBlock];
    for (int v = 0; v < kBlock; ++v) {
      const int64_t lanes = left - v * kWidth;
      const int used = lanes >= kWidth ? kWidth : lanes > 0 ? static_cast<int>(lanes) : 0;
      mul[v] = loadWords(multipliers + first + (used > 0 ? v * kWidth : 0), used);
      add[v] = loadWords(addends + first + (used > 0 ? v * kWidth : 0), used);
    }
    if (left > (kBlock / 2) * kWidth) {
      minima<kBlock>(keys, count, mul, add, least);
    } else {
      minima<kBlock / 2>(keys, count, mul, add, least);
    }
    const int64_t written = left < kBlock * kWidth ? left : kBlock * kWidth;
    __builtin_memcpy(signature + first, least, static_cast<size_t>(written) * sizeof *signature);
  }
}

}  // namespace parl::PARL_ISA
