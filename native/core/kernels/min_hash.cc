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

// MurmurHash3's.
template <typename T>
T finalised(T x) {
  x = (x ^ (x >> 16)) * 0x85EBCA6Bu;
  x = (x ^ (x >> 13)) * 0xC2B2AE35u;
  return x ^ (x >> 16);
}

}  // namespace

void mixWords(uint32_t* keys, int64_t count) {
  int64_t i = 0;
  for (; i + kWidth <= count; i += kWidth) {
    const VecU mixed = finalised(loadWords(keys + i, kWidth));
    __builtin_memcpy(keys + i, &mixed, sizeof mixed);
  }
  for (; i < count; ++i) keys[i] = finalised(keys[i]);
}

void mixGrams(uint32_t* keys, int64_t grams, const uint32_t* constants, int64_t n) {
  int64_t i = 0;
  for (; i + kWidth <= grams; i += kWidth) {
    VecU key = {};
    for (int64_t k = 0; k < n; ++k) key ^= loadWords(keys + i + k, kWidth) * constants[k];
    key = finalised(key);
    __builtin_memcpy(keys + i, &key, sizeof key);
  }
  for (; i < grams; ++i) {
    uint32_t key = 0;
    for (int64_t k = 0; k < n; ++k) key ^= keys[i + k] * constants[k];
    keys[i] = finalised(key);
  }
}

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
