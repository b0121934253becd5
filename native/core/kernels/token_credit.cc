// Generalised advantages of kWidth rows at a time, one row a lane, from their ends backward.
//
// For each block of kSteps steps:
//   pass 1: copy the block of rewards, values and mask row by row, and ask for the next block
//   pass 2: transpose them in squares of registers from [row][step] to [step][row]
//   pass 3: walk the steps: about 25 operations in double precision on two half vectors, 8 cycles of them a chain from carry to
//           carry; advantages and returns take the places of rewards and values
//   pass 4: transpose them back, and copy them out row by row
// Why the copies: rows of a padded matrix often lie a power of two apart, where all of their lines fall into one set of the cache
// and would be gone before a second visit. In front of a row's first element stand steps that are not sampled: they change nothing.
#include "core/token_credit.h"

#include "core/kernels/lanes.h"
#include "core/kernels/tile.h"

namespace parl::PARL_ISA {
namespace {

typedef int32_t HalfVecI __attribute__((vector_size(PARL_VEC_WIDTH * 2)));
typedef int64_t VecL __attribute__((vector_size(PARL_VEC_WIDTH * 4)));

inline VecL wideMask(VecI mask, int half) {
#if PARL_VEC_WIDTH == 16 && defined(PARL_X86)
  return (VecL)_mm512_cvtepi32_epi64(half == 0 ? _mm512_castsi512_si256((__m512i)mask) : _mm512_extracti64x4_epi64((__m512i)mask, 1));
#elif PARL_VEC_WIDTH == 8 && defined(PARL_X86)
  return (VecL)_mm256_cvtepi32_epi64(half == 0 ? _mm256_castsi256_si128((__m256i)mask) : _mm256_extracti128_si256((__m256i)mask, 1));
#else
  HalfVecI part;
  __builtin_memcpy(&part, (const char*)&mask + half * sizeof part, sizeof part);
  return __builtin_convertvector(part, VecL);
#endif
}
// Lanes of `mask` are all ones or zero.
inline VecD chosen(VecL mask, VecD yes, VecD no) {
#if PARL_VEC_WIDTH == 8 && defined(PARL_X86)
  return (VecD)_mm256_blendv_pd((__m256d)no, (__m256d)yes, (__m256d)mask);
#else
  return (VecD)((mask & (VecL)yes) | (~mask & (VecL)no));
#endif
}

constexpr int kSteps = kWidth < 8 ? 32 : 64;
constexpr int kLineFloats = 16;  // of a cache line

// to[kSteps - count .. kSteps) = from[0 .. count), zeros before.
template <typename T>
inline void copyIn(const T* from, int64_t count, T* to) {
  if (count == kSteps) {
    __builtin_memcpy(to, from, kSteps * sizeof(T));
    return;
  }
  for (int64_t s = 0; s < kSteps - count; ++s) to[s] = 0;
  for (int64_t s = 0; s < count; ++s) to[kSteps - count + s] = from[s];
}
inline void copyOut(const float* from, int64_t count, float* to) {
  if (count == kSteps) {
    __builtin_memcpy(to, from, kSteps * sizeof(float));
    return;
  }
  for (int64_t s = 0; s < count; ++s) to[s] = from[kSteps - count + s];
}

// The block of one array: [row][step], then [step][row] in place of it.
struct Block {
  alignas(64) float rows[kWidth][kSteps];
};
inline void transposeIn(const Block& block, Vec (&steps)[kSteps]) {
  for (int s = 0; s < kSteps; s += kWidth) {
    Vec square[kWidth];
    for (int r = 0; r < kWidth; ++r) square[r] = load(&block.rows[r][s]);
    transposeSquare(square);
    for (int t = 0; t < kWidth; ++t) steps[s + t] = square[t];
  }
}
inline void transposeOut(const Vec (&steps)[kSteps], Block& block) {
  for (int s = 0; s < kSteps; s += kWidth) {
    Vec square[kWidth];
    for (int t = 0; t < kWidth; ++t) square[t] = steps[s + t];
    transposeSquare(square);
    for (int r = 0; r < kWidth; ++r) store(&block.rows[r][s], square[r]);
  }
}

}  // namespace

CreditFlags generalizedAdvantageRows(const CreditRows& x) {
  static_assert(kWidth <= kCreditRows);
  const VecD gamma = splatD(x.gamma), decay = splatD(x.decay);
  CreditFlags flags{false, false};
  for (int first = 0; first < x.rows; first += kWidth) {
    const int rows = x.rows - first < kWidth ? x.rows - first : kWidth;
    VecD nextValue[2] = {}, carry[2] = {};
    VecI stray = {};
    int64_t steps = 0;
    for (int r = 0; r < rows; ++r) {
      if (x.lengths[first + r] > steps) steps = x.lengths[first + r];
    }
    for (int64_t done = 0; done < steps; done += kSteps) {
      Block rewardBlock, valueBlock, maskBlock;
      int64_t begin[kWidth], count[kWidth];
      VecI any = {};
      for (int r = 0; r < kWidth; ++r) {
        const int64_t left = r < rows ? x.lengths[first + r] - done : 0;
        count[r] = left >= kSteps ? kSteps : left > 0 ? left : 0;
        begin[r] = count[r] == 0 ? 0 : x.begins[first + r] + left - count[r];
        uint8_t mask[kSteps];
        copyIn(x.rewards + begin[r], count[r], rewardBlock.rows[r]);
        copyIn(x.values + begin[r], count[r], valueBlock.rows[r]);
        copyIn(x.mask + begin[r], count[r], mask);
        for (int s = 0; s < kSteps; s += kWidth) {
          const VecI sampled = maskLanes(mask + s);
          stray |= (load(&rewardBlock.rows[r][s]) != splat(0.0f)) & ~sampled;
          any |= sampled;
          store(&maskBlock.rows[r][s], (Vec)sampled);
        }
        if (left > kSteps) {
          for (int s = 1; s <= kSteps; s += kLineFloats) {
            __builtin_prefetch(x.rewards + begin[r] - s);
            __builtin_prefetch(x.values + begin[r] - s);
          }
          __builtin_prefetch(x.mask + begin[r] - 1);
        }
      }
      if (!anyBit(any)) {  // as where rows are padded
        for (int r = 0; r < rows; ++r) {
          for (int64_t t = 0; t < count[r]; ++t) x.advantages[begin[r] + t] = x.returns[begin[r] + t] = 0.0f;
        }
        continue;
      }
      Vec rewards[kSteps], values[kSteps], masks[kSteps];
      transposeIn(rewardBlock, rewards);
      transposeIn(valueBlock, values);
      transposeIn(maskBlock, masks);
      for (int s = kSteps - 1; s >= 0; --s) {
        const VecI mask = (VecI)masks[s];
        const Vec reward = rewards[s], value = values[s];
        VecD advantage[2], total[2];
#pragma GCC unroll 2
        for (int half = 0; half < 2; ++half) {
          const VecL wide = wideMask(mask, half);
          const VecD r = half == 0 ? lowHalf(reward) : highHalf(reward), v = half == 0 ? lowHalf(value) : highHalf(value);
          advantage[half] = (r + gamma * nextValue[half] - v) + decay * carry[half];
          total[half] = advantage[half] + v;
          carry[half] = chosen(wide, advantage[half], carry[half]);
          nextValue[half] = chosen(wide, v, nextValue[half]);
        }
        rewards[s] = (Vec)(mask & (VecI)fromHalves(advantage[0], advantage[1]));
        values[s] = (Vec)(mask & (VecI)fromHalves(total[0], total[1]));
      }
      transposeOut(rewards, rewardBlock);
      transposeOut(values, valueBlock);
      for (int r = 0; r < rows; ++r) {
        copyOut(rewardBlock.rows[r], count[r], x.advantages + begin[r]);
        copyOut(valueBlock.rows[r], count[r], x.returns + begin[r]);
      }
    }
    // Every advantage of a row reaches its first one, a NaN even through a decay of 0.
    for (int half = 0; half < 2; ++half) {
      const VecL odd = carry[half] - carry[half] != 0.0;  // NaN and infinities
      for (int i = 0; i < kDoubles; ++i) flags.notFinite |= odd[i] != 0;
    }
    flags.stray |= countLanes(stray) != 0;
  }
  return flags;
}

}  // namespace parl::PARL_ISA
