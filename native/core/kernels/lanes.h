// What kernels over masked tokens share: lanes of a byte mask, halves of a vector in double precision, and ragged ends.
//
// Sums over tokens run in double precision, entry j in lane j mod kWidth, and lanes are added by halving: the order is
// fixed by the index within the row or block, whatever thread does it.
#pragma once

#include "core/kernels/vec.h"

namespace parl::PARL_ISA {

constexpr int kDoubles = kWidth / 2;
typedef float HalfVec __attribute__((vector_size(PARL_VEC_WIDTH * 2)));
typedef double VecD __attribute__((vector_size(PARL_VEC_WIDTH * 4)));
typedef uint8_t Bytes __attribute__((vector_size(PARL_VEC_WIDTH)));

inline VecD splatD(double x) { return x - VecD{}; }

// All bits set in the lanes whose byte is not 0.
inline VecI maskLanes(const uint8_t* p) {
#if PARL_VEC_WIDTH == 16 && defined(PARL_X86)
  const VecI wide = (VecI)_mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i*)p));
#elif PARL_VEC_WIDTH == 8 && defined(PARL_X86)
  const VecI wide = (VecI)_mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i*)p));
#else
  Bytes bytes;
  __builtin_memcpy(&bytes, p, sizeof bytes);
  const VecI wide = __builtin_convertvector(bytes, VecI);
#endif
  return wide != 0;
}

// Compilers take halves of a vector through memory where intrinsics would not.
inline VecD lowHalf(Vec v) {
#if PARL_VEC_WIDTH == 16 && defined(PARL_X86)
  return (VecD)_mm512_cvtps_pd(_mm512_castps512_ps256((__m512)v));
#elif PARL_VEC_WIDTH == 8 && defined(PARL_X86)
  return (VecD)_mm256_cvtps_pd(_mm256_castps256_ps128((__m256)v));
#else
  HalfVec half;
  __builtin_memcpy(&half, &v, sizeof half);
  return __builtin_convertvector(half, VecD);
#endif
}
inline VecD highHalf(Vec v) {
#if PARL_VEC_WIDTH == 16 && defined(PARL_X86)
  return (VecD)_mm512_cvtps_pd(_mm512_extractf32x8_ps((__m512)v, 1));
#elif PARL_VEC_WIDTH == 8 && defined(PARL_X86)
  return (VecD)_mm256_cvtps_pd(_mm256_extractf128_ps((__m256)v, 1));
#else
  HalfVec half;
  __builtin_memcpy(&half, (const char*)&v + sizeof half, sizeof half);
  return __builtin_convertvector(half, VecD);
#endif
}
inline Vec fromHalves(VecD low, VecD high) {
#if PARL_VEC_WIDTH == 16 && defined(PARL_X86)
  return (Vec)_mm512_insertf32x8(_mm512_castps256_ps512(_mm512_cvtpd_ps((__m512d)low)), _mm512_cvtpd_ps((__m512d)high), 1);
#elif PARL_VEC_WIDTH == 8 && defined(PARL_X86)
  return (Vec)_mm256_insertf128_ps(_mm256_castps128_ps256(_mm256_cvtpd_ps((__m256d)low)), _mm256_cvtpd_ps((__m256d)high), 1);
#else
  const HalfVec a = __builtin_convertvector(low, HalfVec), b = __builtin_convertvector(high, HalfVec);
  Vec v;
  __builtin_memcpy(&v, &a, sizeof a);
  __builtin_memcpy((char*)&v + sizeof a, &b, sizeof b);
  return v;
#endif
}

// A running sum of vectors in double precision.
struct SumD {
  VecD low = {}, high = {};
  void add(Vec v) {
    low += lowHalf(v);
    high += highHalf(v);
  }
  double total() const {
    double lanes[kDoubles];
    const VecD both = low + high;
    __builtin_memcpy(lanes, &both, sizeof lanes);
    for (int half = kDoubles / 2; half > 0; half /= 2) {
      for (int i = 0; i < half; ++i) lanes[i] += lanes[i + half];
    }
    return lanes[0];
  }
};

inline bool anyBit(VecI v) {
#if PARL_VEC_WIDTH == 16 && defined(PARL_X86)
  return _mm512_test_epi32_mask((__m512i)v, (__m512i)v) != 0;
#elif PARL_VEC_WIDTH == 8 && defined(PARL_X86)
  return _mm256_testz_si256((__m256i)v, (__m256i)v) == 0;
#else
  int32_t bits = 0;
  for (int i = 0; i < kWidth; ++i) bits |= v[i];
  return bits != 0;
#endif
}

// Whether any of n mask bytes is set, n a multiple of 8. Prompts, observations and padding come in runs, which need no arithmetic.
inline bool anySampled(const uint8_t* mask, int n) {
  uint64_t bits = 0;
  for (int i = 0; i < n; i += 8) {
    uint64_t word;
    __builtin_memcpy(&word, mask + i, sizeof word);
    bits |= word;
  }
  return bits != 0;
}

inline int64_t countLanes(VecI counts) {
  int32_t lanes[kWidth];
  __builtin_memcpy(lanes, &counts, sizeof lanes);
  int64_t sum = 0;
  for (int i = 0; i < kWidth; ++i) sum += lanes[i];
  return sum;
}

}  // namespace parl::PARL_ISA
