// Generalised advantages of kWidth rows at a time, one row a lane, from their ends backward.
//
// For each block of kSteps steps:
//   pass 1: transpose rewards, values and mask in squares of registers from [row][step] to [step][row]
//   pass 2: walk the steps: about 25 operations in double precision on two half vectors, 8 cycles of them a chain from carry to
//           carry; advantages and returns take the places of rewards and values
//   pass 3: transpose them back and store them
// A block is whole cache lines of every row: rows of a padded matrix often lie a power of two apart, where all of their lines fall
// into one set of the cache and would be gone before a second visit. Rows that have ended have steps that are not sampled: they
// change nothing.
#include "core/token_credit.h"

#include "core/kernels/lanes.h"
#include "core/kernels/tile.h"

namespace parl::PARL_ISA {
namespace {

typedef int32_t HalfVecI __attribute__((vector_size(PARL_VEC_WIDTH * 2)));
typedef int64_t VecL __attribute__((vector_size(PARL_VEC_WIDTH * 4)));

inline VecL wideMask(VecI mask, int half) {
  HalfVecI part;
  __builtin_memcpy(&part, (const char*)&mask + half * sizeof part, sizeof part);
  return __builtin_convertvector(part, VecL);
}
inline VecD chosen(VecL mask, VecD yes, VecD no) { return mask ? yes : no; }

// The last `lanes` lanes from the `lanes` elements before end, the first ones 0.
inline Vec loadBefore(const float* end, int lanes) {
  float all[kWidth] = {};
  for (int i = 0; i < lanes; ++i) all[kWidth - lanes + i] = end[i - lanes];
  return load(all);
}
inline VecI maskBefore(const uint8_t* end, int lanes) {
  uint8_t all[kWidth] = {};
  for (int i = 0; i < lanes; ++i) all[kWidth - lanes + i] = end[i - lanes];
  return maskLanes(all);
}
inline void storeBefore(float* end, Vec v, int lanes) {
  float all[kWidth];
  store(all, v);
  for (int i = 0; i < lanes; ++i) end[i - lanes] = all[kWidth - lanes + i];
}

constexpr int kSteps = kWidth < 8 ? 32 : 64;

// Steps [s, s + kWidth) of a block: the last `lanes` of them are the elements before `end`.
struct Piece {
  int64_t end;
  int lanes;
};
inline Piece pieceOf(const CreditRows& x, int row, bool isThere, int64_t done, int s) {
  if (!isThere) return {0, 0};
  const int64_t left = x.lengths[row] - done - (kSteps - kWidth - s);
  return left <= 0 ? Piece{0, 0} : Piece{x.begins[row] + left, left >= kWidth ? kWidth : static_cast<int>(left)};
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
      // Step s of the block is element s of the row's last kSteps that are left; in front of a row's first one stand zeros.
      Vec rewards[kSteps], values[kSteps], masks[kSteps];
      for (int s = 0; s < kSteps; s += kWidth) {
        Vec reward[kWidth], value[kWidth], sampled[kWidth];
        for (int r = 0; r < kWidth; ++r) {
          const Piece piece = pieceOf(x, first + r, r < rows, done, s);
          VecI mask;
          if (piece.lanes == kWidth) {
            reward[r] = load(x.rewards + piece.end - kWidth);
            value[r] = load(x.values + piece.end - kWidth);
            mask = maskLanes(x.mask + piece.end - kWidth);
          } else {
            reward[r] = loadBefore(x.rewards + piece.end, piece.lanes);
            value[r] = loadBefore(x.values + piece.end, piece.lanes);
            mask = maskBefore(x.mask + piece.end, piece.lanes);
          }
          stray |= (reward[r] != splat(0.0f)) & ~mask;
          sampled[r] = (Vec)mask;
        }
        transposeSquare(reward);
        transposeSquare(value);
        transposeSquare(sampled);
        for (int t = 0; t < kWidth; ++t) {
          rewards[s + t] = reward[t];
          values[s + t] = value[t];
          masks[s + t] = sampled[t];
        }
      }
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
      for (int s = 0; s < kSteps; s += kWidth) {
        Vec advantage[kWidth], total[kWidth];
        for (int t = 0; t < kWidth; ++t) {
          advantage[t] = rewards[s + t];
          total[t] = values[s + t];
        }
        transposeSquare(advantage);
        transposeSquare(total);
        for (int r = 0; r < rows; ++r) {
          const Piece piece = pieceOf(x, first + r, true, done, s);
          if (piece.lanes == kWidth) {
            store(x.advantages + piece.end - kWidth, advantage[r]);
            store(x.returns + piece.end - kWidth, total[r]);
          } else {
            storeBefore(x.advantages + piece.end, advantage[r], piece.lanes);
            storeBefore(x.returns + piece.end, total[r], piece.lanes);
          }
        }
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
