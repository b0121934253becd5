// One function a block type. Loops have fixed lengths and no branches, so that the compiler makes vectors of each ISA's width
// of most of them; contraction is off, so d * q + m rounds twice everywhere.
#include "core/dequantize.h"

#include "core/kernels/vec.h"

namespace parl::PARL_ISA {
namespace {

// Little-endian, as every CPU is that this addon runs on.
inline uint16_t word(const uint8_t* p) {
  uint16_t value;
  __builtin_memcpy(&value, p, sizeof value);
  return value;
}

inline float fromBits(uint32_t bits) {
  float value;
  __builtin_memcpy(&value, &bits, sizeof value);
  return value;
}

// IEEE binary16, subnormals, infinities and NaN (payload kept) included.
inline float half(uint32_t h) {
  const uint32_t sign = (h & 0x8000u) << 16, magnitude = h & 0x7fffu;
  const float small = static_cast<float>(static_cast<int32_t>(magnitude)) * 0x1p-24f;
  uint32_t smallBits;
  __builtin_memcpy(&smallBits, &small, sizeof smallBits);
  const uint32_t large = (magnitude << 13) + (magnitude >= 0x7c00u ? 0x70000000u : 0x38000000u);
  return fromBits(sign | (magnitude < 0x400u ? smallBits : large));
}
inline float halfAt(const uint8_t* p) { return half(word(p)); }

constexpr int8_t kNonLinear[16] = {-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113};
constexpr int8_t kE2m1Doubled[16] = {0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12};

void f32Block(const uint8_t* b, float* out) { __builtin_memcpy(out, b, 4); }
// A vector of halves at once, then the rest.
void f16Values(const uint8_t* b, float* out, int64_t count) {
  typedef uint16_t VecHalves __attribute__((vector_size(PARL_VEC_WIDTH * 2)));
  int64_t i = 0;
  for (; i + kWidth <= count; i += kWidth) {
    VecHalves halves;
    __builtin_memcpy(&halves, b + 2 * i, sizeof halves);
    const VecI h = __builtin_convertvector(halves, VecI);
    const VecI sign = (h & 0x8000) << 16, magnitude = h & 0x7fff;
    const Vec small = __builtin_convertvector(magnitude, Vec) * splat(0x1p-24f);
    // The bias of the exponent grows by 112, of infinities and NaN by 224; the sum stays below 2^31.
    const VecI large = (magnitude << 13) + ((magnitude >= 0x7c00) & 0x38000000) + 0x38000000;
    const VecI bits = sign | ((magnitude < 0x400) ? (VecI)small : large);
    store(out + i, (Vec)bits);
  }
  for (; i < count; ++i) out[i] = halfAt(b + 2 * i);
}
void bf16Block(const uint8_t* b, float* out) { *out = fromBits(static_cast<uint32_t>(word(b)) << 16); }

// Low nibbles are the first half of the block, high nibbles the second.
typedef uint8_t VecBytes __attribute__((vector_size(PARL_VEC_WIDTH)));
inline VecI widen(const uint8_t* p) {
  VecBytes bytes;
  __builtin_memcpy(&bytes, p, sizeof bytes);
  return __builtin_convertvector(bytes, VecI);
}
void q4_0Block(const uint8_t* b, float* out) {
  const Vec d = splat(halfAt(b));
  for (int i = 0; i < 16; i += kWidth) {
    const VecI q = widen(b + 2 + i);
    store(out + i, d * __builtin_convertvector((q & 15) - 8, Vec));
    store(out + 16 + i, d * __builtin_convertvector((q >> 4) - 8, Vec));
  }
}
void q4_1Block(const uint8_t* b, float* out) {
  const Vec d = splat(halfAt(b)), m = splat(halfAt(b + 2));
  for (int i = 0; i < 16; i += kWidth) {
    const VecI q = widen(b + 4 + i);
    store(out + i, d * __builtin_convertvector(q & 15, Vec) + m);
    store(out + 16 + i, d * __builtin_convertvector(q >> 4, Vec) + m);
  }
}
// The fifth bit of element i is bit i of four bytes.
inline uint32_t fifthBits(const uint8_t* p) { return word(p) | (static_cast<uint32_t>(word(p + 2)) << 16); }
void q5_0Block(const uint8_t* b, float* out) {
  const float d = halfAt(b);
  const uint32_t high = fifthBits(b + 2);
  const uint8_t* q = b + 6;
  for (int i = 0; i < 16; ++i) {
    out[i] = d * static_cast<float>(static_cast<int>((q[i] & 15u) | ((high >> i & 1u) << 4)) - 16);
    out[i + 16] = d * static_cast<float>(static_cast<int>((q[i] >> 4) | ((high >> (i + 16) & 1u) << 4)) - 16);
  }
}
void q5_1Block(const uint8_t* b, float* out) {
  const float d = halfAt(b), m = halfAt(b + 2);
  const uint32_t high = fifthBits(b + 4);
  const uint8_t* q = b + 8;
  for (int i = 0; i < 16; ++i) {
    out[i] = d * static_cast<float>(static_cast<int>((q[i] & 15u) | ((high >> i & 1u) << 4))) + m;
    out[i + 16] = d * static_cast<float>(static_cast<int>((q[i] >> 4) | ((high >> (i + 16) & 1u) << 4))) + m;
  }
}
void q8_0Block(const uint8_t* b, float* out) {
  const float d = halfAt(b);
  const uint8_t* q = b + 2;
  for (int i = 0; i < 32; ++i) out[i] = static_cast<float>(static_cast<int8_t>(q[i])) * d;
}

// 16 sub-blocks of 16; scales [16] hold scale and minimum in a nibble each; 2 bits an element.
void q2_KBlock(const uint8_t* b, float* out) {
  const uint8_t *scales = b, *q = b + 16;
  const float d = halfAt(b + 80), dMin = halfAt(b + 82);
  for (int sub = 0; sub < 16; ++sub, out += 16) {
    const float scale = d * static_cast<float>(scales[sub] & 15), low = dMin * static_cast<float>(scales[sub] >> 4);
    const uint8_t* from = q + (sub / 8) * 32 + (sub % 2) * 16;
    const int shift = (sub % 8) / 2 * 2;
    for (int i = 0; i < 16; ++i) out[i] = scale * static_cast<float>((from[i] >> shift) & 3) - low;
  }
}
// 16 sub-blocks of 16; a mask bit of 0 subtracts 4; scales of 6 bits, their high two bits in the last four bytes.
void q3_KBlock(const uint8_t* b, float* out) {
  const uint8_t *mask = b, *q = b + 32, *scales = b + 96;
  const float d = halfAt(b + 108);
  for (int sub = 0; sub < 16; ++sub, out += 16) {
    const int low = (scales[sub % 8] >> (sub / 8 * 4)) & 15, high = (scales[8 + sub % 4] >> (sub / 4 * 2)) & 3;
    const float scale = d * static_cast<float>((low | (high << 4)) - 32);
    const int column = (sub % 2) * 16, shift = (sub % 8) / 2 * 2, bit = sub / 2;
    const uint8_t *from = q + (sub / 8) * 32 + column, *high4 = mask + column;
    for (int i = 0; i < 16; ++i) {
      out[i] = scale * static_cast<float>(((from[i] >> shift) & 3) - (4 - ((high4[i] >> bit & 1) << 2)));
    }
  }
}
// Scale and minimum, 6 bits each, of eight sub-blocks in 12 bytes.
inline int scaleOf(const uint8_t* s, int sub) { return sub < 4 ? s[sub] & 63 : (s[sub + 4] & 15) | ((s[sub - 4] >> 6) << 4); }
inline int minimumOf(const uint8_t* s, int sub) { return sub < 4 ? s[sub + 4] & 63 : (s[sub + 4] >> 4) | ((s[sub] >> 6) << 4); }
void q4_KBlock(const uint8_t* b, float* out) {
  const float d = halfAt(b), dMin = halfAt(b + 2);
  const uint8_t *scales = b + 4, *q = b + 16;
  for (int sub = 0; sub < 8; ++sub, out += 32) {
    const float scale = d * static_cast<float>(scaleOf(scales, sub)), low = dMin * static_cast<float>(minimumOf(scales, sub));
    const uint8_t* from = q + sub / 2 * 32;
    const int shift = sub % 2 * 4;
    for (int i = 0; i < 32; ++i) out[i] = scale * static_cast<float>((from[i] >> shift) & 15) - low;
  }
}
void q5_KBlock(const uint8_t* b, float* out) {
  const float d = halfAt(b), dMin = halfAt(b + 2);
  const uint8_t *scales = b + 4, *high = b + 16, *q = b + 48;
  for (int sub = 0; sub < 8; ++sub, out += 32) {
    const float scale = d * static_cast<float>(scaleOf(scales, sub)), low = dMin * static_cast<float>(minimumOf(scales, sub));
    const uint8_t* from = q + sub / 2 * 32;
    const int shift = sub % 2 * 4;
    for (int i = 0; i < 32; ++i) {
      out[i] = scale * static_cast<float>(((from[i] >> shift) & 15) | ((high[i] >> sub & 1) << 4)) - low;
    }
  }
}
// 16 sub-blocks of 16 with signed scales; four low bits and two high bits an element.
void q6_KBlock(const uint8_t* b, float* out) {
  const uint8_t *low = b, *high = b + 128, *scales = b + 192;
  const float d = halfAt(b + 208);
  for (int run = 0; run < 8; ++run, out += 32) {
    const uint8_t *l = low + run / 4 * 64 + run % 2 * 32, *h = high + run / 4 * 32;
    const int lowShift = run % 4 / 2 * 4, highShift = run % 4 * 2;
    const float first = d * static_cast<float>(static_cast<int8_t>(scales[2 * run]));
    const float second = d * static_cast<float>(static_cast<int8_t>(scales[2 * run + 1]));
    for (int i = 0; i < 32; ++i) {
      const int q = (((l[i] >> lowShift) & 15) | (((h[i] >> highShift) & 3) << 4)) - 32;
      out[i] = (i < 16 ? first : second) * static_cast<float>(q);
    }
  }
}

void iq4_nlBlock(const uint8_t* b, float* out) {
  const float d = halfAt(b);
  const uint8_t* q = b + 2;
  for (int i = 0; i < 16; ++i) {
    out[i] = d * static_cast<float>(kNonLinear[q[i] & 15]);
    out[i + 16] = d * static_cast<float>(kNonLinear[q[i] >> 4]);
  }
}
void iq4_xsBlock(const uint8_t* b, float* out) {
  const float d = halfAt(b);
  const uint32_t high = word(b + 2);
  const uint8_t *low = b + 4, *q = b + 8;
  for (int sub = 0; sub < 8; ++sub, out += 32, q += 16) {
    const int scale = ((low[sub / 2] >> (sub % 2 * 4)) & 15) | static_cast<int>((high >> (2 * sub) & 3u) << 4);
    const float factor = d * static_cast<float>(scale - 32);
    for (int i = 0; i < 16; ++i) {
      out[i] = factor * static_cast<float>(kNonLinear[q[i] & 15]);
      out[i + 16] = factor * static_cast<float>(kNonLinear[q[i] >> 4]);
    }
  }
}

// Five trits a byte, the most significant first: trit n of byte q is the top of (q * 3^n mod 256) * 3.
inline float trit(uint8_t q, uint8_t power) { return static_cast<float>(((static_cast<uint8_t>(q * power) * 3) >> 8) - 1); }
void tq1_0Block(const uint8_t* b, float* out) {
  constexpr uint8_t kPowers[5] = {1, 3, 9, 27, 81};
  const float d = halfAt(b + 52);
  for (int n = 0; n < 5; ++n, out += 32) {
    for (int i = 0; i < 32; ++i) out[i] = d * trit(b[i], kPowers[n]);
  }
  for (int n = 0; n < 5; ++n, out += 16) {
    for (int i = 0; i < 16; ++i) out[i] = d * trit(b[32 + i], kPowers[n]);
  }
  for (int n = 0; n < 4; ++n, out += 4) {
    for (int i = 0; i < 4; ++i) out[i] = d * trit(b[48 + i], kPowers[n]);
  }
}
void tq2_0Block(const uint8_t* b, float* out) {
  const float d = halfAt(b + 64);
  for (int run = 0; run < 8; ++run, out += 32) {
    const uint8_t* q = b + run / 4 * 32;
    const int shift = run % 4 * 2;
    for (int i = 0; i < 32; ++i) out[i] = d * static_cast<float>(((q[i] >> shift) & 3) - 1);
  }
}
// The exponent byte gives half of 2^(e - 127), since the table is doubled.
void mxfp4Block(const uint8_t* b, float* out) {
  const uint32_t e = b[0];
  const float d = fromBits(e < 2 ? 0x00200000u << e : (e - 1) << 23);
  const uint8_t* q = b + 1;
  for (int i = 0; i < 16; ++i) {
    out[i] = d * static_cast<float>(kE2m1Doubled[q[i] & 15]);
    out[i + 16] = d * static_cast<float>(kE2m1Doubled[q[i] >> 4]);
  }
}

template <int kElements, int kBytes, void (*kBlock)(const uint8_t*, float*)>
void each(const uint8_t* blocks, float* out, int64_t count) {
  for (int64_t i = 0; i < count; ++i) kBlock(blocks + i * kBytes, out + i * kElements);
}

}  // namespace

void dequantizeBlocks(BlockType type, const uint8_t* blocks, float* out, int64_t count) {
  switch (type) {
    case BlockType::f32: return each<1, 4, f32Block>(blocks, out, count);
    case BlockType::f16: return f16Values(blocks, out, count);
    case BlockType::bf16: return each<1, 2, bf16Block>(blocks, out, count);
    case BlockType::q4_0: return each<32, 18, q4_0Block>(blocks, out, count);
    case BlockType::q4_1: return each<32, 20, q4_1Block>(blocks, out, count);
    case BlockType::q5_0: return each<32, 22, q5_0Block>(blocks, out, count);
    case BlockType::q5_1: return each<32, 24, q5_1Block>(blocks, out, count);
    case BlockType::q8_0: return each<32, 34, q8_0Block>(blocks, out, count);
    case BlockType::q2_K: return each<256, 84, q2_KBlock>(blocks, out, count);
    case BlockType::q3_K: return each<256, 110, q3_KBlock>(blocks, out, count);
    case BlockType::q4_K: return each<256, 144, q4_KBlock>(blocks, out, count);
    case BlockType::q5_K: return each<256, 176, q5_KBlock>(blocks, out, count);
    case BlockType::q6_K: return each<256, 210, q6_KBlock>(blocks, out, count);
    case BlockType::iq4_nl: return each<32, 18, iq4_nlBlock>(blocks, out, count);
    case BlockType::iq4_xs: return each<256, 136, iq4_xsBlock>(blocks, out, count);
    case BlockType::tq1_0: return each<256, 54, tq1_0Block>(blocks, out, count);
    case BlockType::tq2_0: return each<256, 66, tq2_0Block>(blocks, out, count);
    case BlockType::mxfp4: return each<32, 17, mxfp4Block>(blocks, out, count);
  }
}

}  // namespace parl::PARL_ISA
