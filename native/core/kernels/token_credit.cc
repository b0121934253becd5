// Generalised advantages of kWidth rows at a time, one row a lane, from their ends backward.
//
// For each block of kSteps steps:
//   pass 1: copy the block of rewards, values and mask row by row
//   pass 2: transpose them in squares of registers from [row][step] to [step][row], the mask as bytes on AVX-512
//   pass 3: walk the steps: about 25 operations in double precision on two half vectors, 8 cycles of them a chain from carry to
//           carry; advantages and returns take the places of rewards and values. Meanwhile ask for the block before in memory, the
//           next one, and for the lines that pass 4 writes
//   pass 4: transpose them back, and copy them out row by row
// Why the copies: rows of a padded matrix often lie a power of two apart, where all of their lines fall into one set of the cache
// and would be gone before a second visit; what is asked for goes to the second cache for the same reason. In front of a row's first element stand steps that are not sampled: they change nothing.
#include "core/token_credit.h"

#include "core/kernels/masks.h"
#include "core/kernels/tile.h"

namespace parl::PARL_ISA {
namespace {

constexpr int kSteps = kWidth < 8 ? 32 : 64;
constexpr int kLineFloats = 16;  // of a cache line
constexpr int kLines = kSteps / kLineFloats;  // of a row's block

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

// A block of the mask: [row][step], then by steps.
class MaskBlock {
 public:
  void copyRow(int row, const uint8_t* from, int64_t count) { copyIn(from, count, rows_[row]); }

#if PARL_VEC_WIDTH == 16 && defined(PARL_X86)
  // False where no step of any row is sampled.
  bool transpose() {
    static_assert(kSteps == 64);
    __m512i v[16], t[16], any = _mm512_setzero_si512();
    for (int r = 0; r < 16; ++r) {
      v[r] = _mm512_load_si512(rows_[r]);
      any = _mm512_or_si512(any, v[r]);
    }
    if (_mm512_test_epi8_mask(any, any) == 0) return false;
    // Four times: bytes of rows r and r + 8 by turns, into rows 2 r and 2 r + 1. Each 128 bits then have a step's 16 rows.
    interleave(v, t);
    interleave(t, v);
    interleave(v, t);
    interleave(t, v);
    for (int c = 0; c < 16; ++c) _mm512_store_si512(rows_[c], v[c]);
    return true;
  }
  Mask at(int step) const { return sampledLanes(&rows_[step % 16][step / 16 * 16]); }

 private:
  static void interleave(const __m512i (&from)[16], __m512i (&to)[16]) {
#pragma GCC unroll 8
    for (int r = 0; r < 8; ++r) {
      to[2 * r] = _mm512_unpacklo_epi8(from[r], from[r + 8]);
      to[2 * r + 1] = _mm512_unpackhi_epi8(from[r], from[r + 8]);
    }
  }
#else
  // False where no step of any row is sampled.
  bool transpose() {
    VecI any = {};
    for (int s = 0; s < kSteps; s += kWidth) {
      Vec square[kWidth];
      for (int r = 0; r < kWidth; ++r) {
        const VecI sampled = maskLanes(&rows_[r][s]);
        any |= sampled;
        square[r] = (Vec)sampled;
      }
      transposeSquare(square);
      for (int t = 0; t < kWidth; ++t) steps_[s + t] = (VecI)square[t];
    }
    return anyBit(any);
  }
  Mask at(int step) const { return {steps_[step]}; }

 private:
  VecI steps_[kSteps];
#endif
  alignas(64) uint8_t rows_[kWidth][kSteps];
};

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
    VecI stray = {};  // bits of rewards that nobody earned
    int64_t steps = 0;
    for (int r = 0; r < rows; ++r) {
      if (x.lengths[first + r] > steps) steps = x.lengths[first + r];
    }
    for (int64_t done = 0; done < steps; done += kSteps) {
      Block rewardBlock, valueBlock;
      MaskBlock mask;
      int64_t begin[kWidth], count[kWidth];
      for (int r = 0; r < kWidth; ++r) {
        const int64_t left = r < rows ? x.lengths[first + r] - done : 0;
        count[r] = left >= kSteps ? kSteps : left > 0 ? left : 0;
        begin[r] = count[r] == 0 ? 0 : x.begins[first + r] + left - count[r];
        copyIn(x.rewards + begin[r], count[r], rewardBlock.rows[r]);
        copyIn(x.values + begin[r], count[r], valueBlock.rows[r]);
        mask.copyRow(r, x.mask + begin[r], count[r]);
      }
      if (!mask.transpose()) {  // as where rows are padded
        for (int r = 0; r < rows; ++r) {
          for (int s = 0; s < kSteps; s += kWidth) stray |= (VecI)load(&rewardBlock.rows[r][s]);
          for (int64_t t = 0; t < count[r]; ++t) x.advantages[begin[r] + t] = x.returns[begin[r] + t] = 0.0f;
        }
        continue;
      }
      Vec rewards[kSteps], values[kSteps];
      transposeIn(rewardBlock, rewards);
      transposeIn(valueBlock, values);
      for (int s = kSteps - 1; s >= 0; --s) {
        if (s < kWidth * kLines) {
          const int64_t at = begin[s / kLines] + s % kLines * kLineFloats;
          __builtin_prefetch(x.rewards + at - kSteps, 0, 2);
          __builtin_prefetch(x.values + at - kSteps, 0, 2);
          __builtin_prefetch(x.mask + at - kSteps);
          __builtin_prefetch(x.advantages + at, 1);
          __builtin_prefetch(x.returns + at, 1);
        }
        const Mask sampled = mask.at(s);
        const Vec reward = rewards[s], value = values[s];
        stray |= (VecI)kept(~sampled, reward);
        VecD advantage[2], total[2];
#pragma GCC unroll 2
        for (int half = 0; half < 2; ++half) {
          const VecD r = half == 0 ? lowHalf(reward) : highHalf(reward), v = half == 0 ? lowHalf(value) : highHalf(value);
          advantage[half] = (r + gamma * nextValue[half] - v) + decay * carry[half];
          total[half] = advantage[half] + v;
          carry[half] = select(sampled, half, advantage[half], carry[half]);
          nextValue[half] = select(sampled, half, v, nextValue[half]);
        }
        rewards[s] = kept(sampled, fromHalves(advantage[0], advantage[1]));
        values[s] = kept(sampled, fromHalves(total[0], total[1]));
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
      const auto odd = carry[half] - carry[half] != 0.0;  // NaN and infinities
      for (int i = 0; i < kDoubles; ++i) flags.notFinite |= odd[i] != 0;
    }
    flags.stray |= anyBit(stray << 1);  // without the sign of -0
  }
  return flags;
}

}  // namespace parl::PARL_ISA
