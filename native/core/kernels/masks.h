// A condition a lane: a mask register on AVX-512, where a compare writes one and most instructions take one for nothing, and lanes of
// all bits or none elsewhere.
#pragma once

#include "core/kernels/lanes.h"

namespace parl::PARL_ISA {

#if PARL_VEC_WIDTH == 16 && defined(PARL_X86)

struct Mask {
  __mmask16 bits;
};
inline Mask operator&(Mask a, Mask b) { return {static_cast<__mmask16>(a.bits & b.bits)}; }
inline Mask operator|(Mask a, Mask b) { return {static_cast<__mmask16>(a.bits | b.bits)}; }
inline Mask operator~(Mask a) { return {static_cast<__mmask16>(~a.bits)}; }
inline Mask allLanes() { return {0xffff}; }

// a < b; false where either is NaN. With `where`, false outside of it.
inline Mask less(Vec a, Vec b) { return {_mm512_cmp_ps_mask((__m512)a, (__m512)b, _CMP_LT_OQ)}; }
inline Mask less(Vec a, Vec b, Mask where) { return {_mm512_mask_cmp_ps_mask(where.bits, (__m512)a, (__m512)b, _CMP_LT_OQ)}; }
inline Mask equal(Vec a, Vec b) { return {_mm512_cmp_ps_mask((__m512)a, (__m512)b, _CMP_EQ_OQ)}; }

inline Vec select(Mask mask, Vec yes, Vec no) { return (Vec)_mm512_mask_mov_ps((__m512)no, mask.bits, (__m512)yes); }
inline Vec kept(Mask mask, Vec v) { return (Vec)_mm512_maskz_mov_ps(mask.bits, (__m512)v); }  // v or 0
inline Vec loadKept(Mask mask, const float* p) { return (Vec)_mm512_maskz_loadu_ps(mask.bits, p); }
inline void countUp(VecI& counts, Mask mask) {
  counts = (VecI)_mm512_mask_sub_epi32((__m512i)counts, mask.bits, (__m512i)counts, _mm512_set1_epi32(-1));
}
inline void keepSmaller(Vec& smallest, Mask mask, Vec v) {
  smallest = (Vec)_mm512_mask_min_ps((__m512)smallest, mask.bits, (__m512)v, (__m512)smallest);
}
inline void keepLarger(Vec& largest, Mask mask, Vec v) {
  largest = (Vec)_mm512_mask_max_ps((__m512)largest, mask.bits, (__m512)v, (__m512)largest);
}
// Lanes of one half of the mask.
inline VecD select(Mask mask, int half, VecD yes, VecD no) {
  return (VecD)_mm512_mask_mov_pd((__m512d)no, static_cast<__mmask8>(half == 0 ? mask.bits : mask.bits >> 8), (__m512d)yes);
}
// The lanes whose byte is not 0.
inline Mask sampledLanes(const uint8_t* p) {
  const __m128i bytes = _mm_loadu_si128((const __m128i*)p);
  return {_mm_test_epi8_mask(bytes, bytes)};
}

#else

struct Mask {
  VecI bits;
};
inline Mask operator&(Mask a, Mask b) { return {a.bits & b.bits}; }
inline Mask operator|(Mask a, Mask b) { return {a.bits | b.bits}; }
inline Mask operator~(Mask a) { return {~a.bits}; }
inline Mask allLanes() { return {splatI(-1)}; }

inline Mask less(Vec a, Vec b) { return {a < b}; }
inline Mask less(Vec a, Vec b, Mask where) { return {(a < b) & where.bits}; }
inline Mask equal(Vec a, Vec b) { return {a == b}; }

inline Vec select(Mask mask, Vec yes, Vec no) { return select(mask.bits, yes, no); }
inline Vec kept(Mask mask, Vec v) { return (Vec)(mask.bits & (VecI)v); }
inline Vec loadKept(Mask mask, const float* p) { return kept(mask, load(p)); }
inline void countUp(VecI& counts, Mask mask) { counts -= mask.bits; }
inline void keepSmaller(Vec& smallest, Mask mask, Vec v) { smallest = vmin(select(mask, v, splat(__builtin_inff())), smallest); }
inline void keepLarger(Vec& largest, Mask mask, Vec v) { largest = vmax(select(mask, v, splat(-__builtin_inff())), largest); }
inline VecD select(Mask mask, int half, VecD yes, VecD no) {
#if PARL_VEC_WIDTH == 8 && defined(PARL_X86)
  const __m256i bits = (__m256i)mask.bits;
  const __m256i wide = _mm256_cvtepi32_epi64(half == 0 ? _mm256_castsi256_si128(bits) : _mm256_extracti128_si256(bits, 1));
  return (VecD)_mm256_blendv_pd((__m256d)no, (__m256d)yes, _mm256_castsi256_pd(wide));
#else
  typedef int32_t HalfVecI __attribute__((vector_size(PARL_VEC_WIDTH * 2)));
  typedef int64_t VecL __attribute__((vector_size(PARL_VEC_WIDTH * 4)));
  HalfVecI part;
  __builtin_memcpy(&part, (const char*)&mask.bits + half * sizeof part, sizeof part);
  return __builtin_convertvector(part, VecL) ? yes : no;
#endif
}
inline Mask sampledLanes(const uint8_t* p) { return {maskLanes(p)}; }

#endif

// Where only the first n lanes are in memory; the others are not sampled.
inline Mask sampledLanes(const uint8_t* p, int n) {
  if (n == kWidth) return sampledLanes(p);
  uint8_t bytes[kWidth] = {};
  for (int i = 0; i < n; ++i) bytes[i] = p[i];
  return sampledLanes(bytes);
}

// The first `lanes` floats at p, the others 0.
inline Vec floatsAt(const float* p, int lanes) { return lanes == kWidth ? load(p) : loadPartial(p, lanes); }
// p where sampled, 0 elsewhere.
inline Vec sampledAt(Mask sampled, const float* p, int lanes) {
  return lanes == kWidth ? loadKept(sampled, p) : kept(sampled, loadPartial(p, lanes));
}
inline void put(float* p, Vec v, int lanes) {
  if (lanes == kWidth) {
    store(p, v);
  } else {
    storePartial(p, v, lanes);
  }
}
// x between the bounds; NaN stays NaN.
inline Vec clamped(Vec x, Vec low, Vec high) { return vmin(high, vmax(low, x)); }

}  // namespace parl::PARL_ISA
