// The vector a kernel is written over: kWidth floats (4 portable, 8 AVX2, 16 AVX-512), one source for all.
//
// Rules for files in this folder, which are compiled once per ISA:
//   - everything lives in `namespace parl::PARL_ISA`; helpers in an anonymous namespace inside it;
//   - no std containers, algorithms or other inline templates of the library: the linker keeps one copy of those,
//     perhaps the AVX-512 one, for CPUs that lack it;
//   - a sum's order is part of a kernel's contract (see docs/kernels.md): outputs are partitioned, never sums.
#pragma once

#include <cstdint>

#include "core/bf16.h"
#ifdef PARL_X86
#include <immintrin.h>
#endif

namespace parl::PARL_ISA {

constexpr int kWidth = PARL_VEC_WIDTH;
typedef float Vec __attribute__((vector_size(PARL_VEC_WIDTH * 4)));
typedef int32_t VecI __attribute__((vector_size(PARL_VEC_WIDTH * 4)));

inline Vec splat(float x) { return x - Vec{}; }
inline VecI splatI(int32_t x) { return x - VecI{}; }

inline Vec load(const float* p) {
  Vec v;
  __builtin_memcpy(&v, p, sizeof v);
  return v;
}
inline void store(float* p, Vec v) { __builtin_memcpy(p, &v, sizeof v); }

#if PARL_VEC_WIDTH == 8 && defined(PARL_X86)
inline __m256i firstLanes(int n) {
  return _mm256_cmpgt_epi32(_mm256_set1_epi32(n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}
#endif

// The first n lanes from memory, the others `fill`; touches no byte beyond p + n. 0 <= n <= kWidth.
inline Vec loadPartial(const float* p, int n, float fill = 0.0f) {
#if PARL_VEC_WIDTH == 16 && defined(PARL_X86)
  return (Vec)_mm512_mask_loadu_ps(_mm512_set1_ps(fill), (__mmask16)((1u << n) - 1u), p);
#elif PARL_VEC_WIDTH == 8 && defined(PARL_X86)
  const __m256i lanes = firstLanes(n);
  return (Vec)_mm256_blendv_ps(_mm256_set1_ps(fill), _mm256_maskload_ps(p, lanes), _mm256_castsi256_ps(lanes));
#else
  Vec v = splat(fill);
  for (int i = 0; i < n; ++i) v[i] = p[i];
  return v;
#endif
}

// bfloat16 values widened, which rounds nothing.
inline Vec load(const Bf16* p) {
  typedef uint16_t Halves __attribute__((vector_size(PARL_VEC_WIDTH * 2)));
  typedef uint32_t Words __attribute__((vector_size(PARL_VEC_WIDTH * 4)));
  Halves halves;
  __builtin_memcpy(&halves, p, sizeof halves);
  return (Vec)(__builtin_convertvector(halves, Words) << 16);
}
inline Vec loadPartial(const Bf16* p, int n) {
  VecI v = {};
  for (int i = 0; i < n; ++i) v[i] = static_cast<int32_t>(static_cast<uint32_t>(p[i].bits) << 16);
  return (Vec)v;
}
inline void storePartial(float* p, Vec v, int n) {
#if PARL_VEC_WIDTH == 16 && defined(PARL_X86)
  _mm512_mask_storeu_ps(p, (__mmask16)((1u << n) - 1u), (__m512)v);
#elif PARL_VEC_WIDTH == 8 && defined(PARL_X86)
  _mm256_maskstore_ps(p, firstLanes(n), (__m256)v);
#else
  for (int i = 0; i < n; ++i) p[i] = v[i];
#endif
}

// a * b + c: one rounding on AVX2 and AVX-512, two on portable.
inline Vec fma(Vec a, Vec b, Vec c) {
#if PARL_VEC_WIDTH == 16 && defined(PARL_X86)
  return (Vec)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c);
#elif PARL_VEC_WIDTH == 8 && defined(PARL_X86)
  return (Vec)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c);
#else
  return a * b + c;
#endif
}
inline float fma1(float a, float b, float c) {
#if PARL_VEC_WIDTH >= 8 && defined(PARL_X86)
  return __builtin_fmaf(a, b, c);
#else
  return a * b + c;
#endif
}

inline Vec vsqrt(Vec x) {
#if PARL_VEC_WIDTH == 16 && defined(PARL_X86)
  return (Vec)_mm512_sqrt_ps((__m512)x);
#elif PARL_VEC_WIDTH == 8 && defined(PARL_X86)
  return (Vec)_mm256_sqrt_ps((__m256)x);
#else
  for (int i = 0; i < kWidth; ++i) x[i] = __builtin_sqrtf(x[i]);
  return x;
#endif
}

inline Vec select(VecI mask, Vec yes, Vec no) { return mask ? yes : no; }
// a > b ? a : b and a < b ? a : b: b where either is NaN. That is what one x86 instruction computes; compilers do not find it.
inline Vec vmax(Vec a, Vec b) {
#if PARL_VEC_WIDTH == 16 && defined(PARL_X86)
  return (Vec)_mm512_max_ps((__m512)a, (__m512)b);
#elif PARL_VEC_WIDTH == 8 && defined(PARL_X86)
  return (Vec)_mm256_max_ps((__m256)a, (__m256)b);
#else
  return a > b ? a : b;
#endif
}
inline Vec vmin(Vec a, Vec b) {
#if PARL_VEC_WIDTH == 16 && defined(PARL_X86)
  return (Vec)_mm512_min_ps((__m512)a, (__m512)b);
#elif PARL_VEC_WIDTH == 8 && defined(PARL_X86)
  return (Vec)_mm256_min_ps((__m256)a, (__m256)b);
#else
  return a < b ? a : b;
#endif
}

// Sum and maximum over the lanes, always by halving: lane i with lane i + half.
#if PARL_VEC_WIDTH >= 8 && defined(PARL_X86)
template <typename F>
inline float reduced(Vec v, F&& f) {
#if PARL_VEC_WIDTH == 16
  const __m256 half = f(_mm512_castps512_ps256((__m512)v), _mm512_extractf32x8_ps((__m512)v, 1));
#else
  const __m256 half = (__m256)v;
#endif
  const __m128 a = f(_mm256_castps256_ps128(half), _mm256_extractf128_ps(half, 1));
  const __m128 b = f(a, _mm_movehl_ps(a, a));
  return _mm_cvtss_f32(f(b, _mm_movehdup_ps(b)));
}
inline float reduceAdd(Vec v) {
  return reduced(v, [](auto a, auto b) __attribute__((always_inline)) { return a + b; });
}
inline __m128 larger(__m128 a, __m128 b) { return _mm_max_ps(a, b); }
inline __m256 larger(__m256 a, __m256 b) { return _mm256_max_ps(a, b); }
inline float reduceMax(Vec v) {
  return reduced(v, [](auto a, auto b) __attribute__((always_inline)) { return larger(a, b); });
}
#else
inline float reduceAdd(Vec v) {
  float lanes[kWidth];
  store(lanes, v);
  for (int half = kWidth / 2; half > 0; half /= 2) {
    for (int i = 0; i < half; ++i) lanes[i] += lanes[i + half];
  }
  return lanes[0];
}
inline float reduceMax(Vec v) {
  float lanes[kWidth];
  store(lanes, v);
  for (int half = kWidth / 2; half > 0; half /= 2) {
    for (int i = 0; i < half; ++i) lanes[i] = lanes[i] > lanes[i + half] ? lanes[i] : lanes[i + half];
  }
  return lanes[0];
}
#endif

// Where e^x has become 0 for sure: see vexpBelow80().
constexpr float kExpZero = -87.9f;

namespace {

// e^x = 2^n e^r: n, which also stands in the low bits of `shifted` as n + 127, and e^r. Cody-Waite reduction by ln 2 in two parts, then
// 1 + r + r^2 q(r), q of degree 4 with the least relative error over |r| <= ln 2 / 2 (3e-9). Rounds n to nearest by a magic constant,
// 1.5 * 2^23 and the exponent's bias.
constexpr float kExpMagic = 12583039.0f, kLog2E = 1.44269504088896341f, kLn2High = 0.693359375f, kLn2Low = -2.12194440e-4f;
constexpr float kExpQ[] = {4.9999994e-1f, 1.6666521e-1f, 4.166839e-2f, 8.368745e-3f, 1.381454e-3f};  // of r^0 .. r^4
struct ExpParts {
  Vec shifted, n, r, q, e;
};
inline ExpParts expParts(Vec x) {
  const Vec magic = splat(kExpMagic);
  const Vec shifted = fma(x, splat(kLog2E), magic);
  const Vec n = shifted - magic;
  Vec r = fma(n, splat(-kLn2High), x);
  r = fma(n, splat(-kLn2Low), r);
  Vec q = fma(splat(kExpQ[4]), r, splat(kExpQ[3]));
  q = fma(q, r, splat(kExpQ[2]));
  q = fma(q, r, splat(kExpQ[1]));
  q = fma(q, r, splat(kExpQ[0]));
  return {shifted, n, r, q, fma(fma(q, r, splat(1.0f)), r, splat(1.0f))};
}

}  // namespace

// e^x. Max error 2 ULP for x in [-87.3, 88.7]; below -87.33 exactly 0 (no subnormals), above 88.72 inf; NaN stays NaN.
inline Vec vexp(Vec x) {
  const Vec low = splat(-87.3365448f);
  // Both return their second operand where it is NaN. At the upper bound 2^n overflows by itself.
  const ExpParts parts = expParts(vmin(splat(89.5f), vmax(low, x)));
  // 2^n in two factors, so that n = 128 does not overflow before the product does.
  const VecI ni = __builtin_convertvector(parts.n, VecI), halfN = ni >> 1;
  const Vec scaleA = (Vec)((halfN + 127) << 23), scaleB = (Vec)((ni - halfN + 127) << 23);
  return select(x < low, splat(0.0f), parts.e * scaleA * scaleB);
}

// e^x of N vectors where x is not above 80, as after subtracting a maximum: the same bits as vexp() for x >= -87.33, in 13
// instructions instead of 22. Below, 2^n runs out by itself: subnormal down to -87.68, then exactly 0. NaN stays NaN.
//
// Step by step: a chain is some 50 cycles long, and a processor that looks at some 60 instructions waiting for their operands sees too few
// chains where each is written to its end before the next one begins.
template <int N>
__attribute__((always_inline)) inline void vexpBelow80(Vec (&x)[N]) {
  Vec scale[N], n[N], q[N];
  const auto each = [](auto&& step) __attribute__((always_inline)) {
#pragma GCC unroll 8
    for (int i = 0; i < N; ++i) step(i);
  };
  const Vec magic = splat(kExpMagic);
  each([&](int i) { x[i] = vmax(splat(kExpZero), x[i]); });
  each([&](int i) { scale[i] = fma(x[i], splat(kLog2E), magic); });
  each([&](int i) { n[i] = scale[i] - magic; });
  // At kExpZero n is -127, whose biased exponent is 0: the factor is +0.
  each([&](int i) { scale[i] = (Vec)((VecI)scale[i] << 23); });
  each([&](int i) { x[i] = fma(n[i], splat(-kLn2High), x[i]); });
  each([&](int i) { x[i] = fma(n[i], splat(-kLn2Low), x[i]); });
  each([&](int i) { q[i] = fma(splat(kExpQ[4]), x[i], splat(kExpQ[3])); });
  each([&](int i) { q[i] = fma(q[i], x[i], splat(kExpQ[2])); });
  each([&](int i) { q[i] = fma(q[i], x[i], splat(kExpQ[1])); });
  each([&](int i) { q[i] = fma(q[i], x[i], splat(kExpQ[0])); });
  each([&](int i) { q[i] = fma(q[i], x[i], splat(1.0f)); });
  each([&](int i) { x[i] = fma(q[i], x[i], splat(1.0f)) * scale[i]; });
}
inline Vec vexpBelow80(Vec x) {
  Vec one[1] = {x};
  vexpBelow80(one);
  return one[0];
}

// e^x, the bits of vexp(), and e^x - 1 - x to 4e-7 of itself, for |x| <= 80. At n = 0 the parts but r^2 q cancel exactly; elsewhere
// 2^n r + 2^n - 1 - x is near nothing that would lose digits.
struct ExpAndCurve {
  Vec e, curve;
};
inline ExpAndCurve vexpAndCurve(Vec x) {
  const ExpParts parts = expParts(x);
  const Vec scale = (Vec)((VecI)parts.shifted << 23);
  const Vec line = fma(scale, parts.r, scale - splat(1.0f)) - x;
  return {parts.e * scale, fma(scale, parts.q * parts.r * parts.r, line)};
}

}  // namespace parl::PARL_ISA
