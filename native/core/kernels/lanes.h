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

// Sums over lanes by halving: lane i with lane i + half. In registers where intrinsics allow: through memory every half would wait for the
// one before to be written.
inline double addLanes(VecD v) {
#if PARL_VEC_WIDTH >= 8 && defined(PARL_X86)
#if PARL_VEC_WIDTH == 16
  const __m256d four = _mm512_castpd512_pd256((__m512d)v) + _mm512_extractf64x4_pd((__m512d)v, 1);
#else
  const __m256d four = (__m256d)v;
#endif
  const __m128d two = _mm256_castpd256_pd128(four) + _mm256_extractf128_pd(four, 1);
  return _mm_cvtsd_f64(two + _mm_unpackhi_pd(two, two));
#else
  double lanes[kDoubles];
  __builtin_memcpy(lanes, &v, sizeof lanes);
  for (int half = kDoubles / 2; half > 0; half /= 2) {
    for (int i = 0; i < half; ++i) lanes[i] += lanes[i + half];
  }
  return lanes[0];
#endif
}

inline int32_t addLanes(VecI v) {
#if PARL_VEC_WIDTH >= 8 && defined(PARL_X86)
#if PARL_VEC_WIDTH == 16
  const __m256i eight = _mm256_add_epi32(_mm512_castsi512_si256((__m512i)v), _mm512_extracti64x4_epi64((__m512i)v, 1));
#else
  const __m256i eight = (__m256i)v;
#endif
  const __m128i four = _mm_add_epi32(_mm256_castsi256_si128(eight), _mm256_extracti128_si256(eight, 1));
  const __m128i two = _mm_add_epi32(four, _mm_unpackhi_epi64(four, four));
  return _mm_cvtsi128_si32(_mm_add_epi32(two, _mm_shuffle_epi32(two, 1)));
#else
  int32_t sum = 0;
  for (int i = 0; i < kWidth; ++i) sum += v[i];
  return sum;
#endif
}

// A running sum of vectors in double precision.
struct SumD {
  VecD low = {}, high = {};
  void add(Vec v) {
    low += lowHalf(v);
    high += highHalf(v);
  }
  double total() const { return addLanes(low + high); }
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

}  // namespace parl::PARL_ISA
