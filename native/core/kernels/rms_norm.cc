// y = weight * (x * rstd), rstd = 1 / sqrt(mean(x^2) + eps).
//
//   forward, a row:   pass 1: x + delta where there is one; pass 2: sum of squares; pass 3: y
//   backward, a row:  pass 1: c = sum of dy * weight * x; pass 2: dx = rstd * (dy * weight - x * (c * rstd^2 / d)) [+ dSum]
//   backward, weight: dWeight[j] += dy[i][j] * x[i][j] * rstd[i], one chain a column over ascending rows
//
// A row's sums run in two vector accumulators (element j in lane j mod 2 kWidth), which fixes their order by j and hides
// half of the addition latency; a row of a few hundred floats is in L1 from its second pass on.
#include "core/rms_norm.h"

#include "core/kernels/vec.h"

namespace parl::PARL_ISA {
namespace {

// Sum over j < d of term(j, lanes), where term gives a vector and zeros in lanes it does not have.
template <typename Term>
inline float rowSum(int64_t d, Term&& term) {
  Vec even{}, odd{};
  int64_t j = 0;
  for (; j + 2 * kWidth <= d; j += 2 * kWidth) {
    even = term(j, kWidth, even);
    odd = term(j + kWidth, kWidth, odd);
  }
  if (j < d) {
    const int left = static_cast<int>(d - j);
    even = term(j, left < kWidth ? left : kWidth, even);
    if (left > kWidth) odd = term(j + kWidth, left - kWidth, odd);
  }
  return reduceAdd(even + odd);
}

inline Vec loadLanes(const float* p, int lanes) { return lanes == kWidth ? load(p) : loadPartial(p, lanes); }
inline void storeLanes(float* p, Vec v, int lanes) {
  if (lanes == kWidth) {
    store(p, v);
  } else {
    storePartial(p, v, lanes);
  }
}

}  // namespace

void rmsNormForwardRows(const float* x, const float* delta, const float* weight, float* sum, float* y, float* rstd, int64_t n, int64_t d,
                        float eps) {
  for (int64_t i = 0; i < n; ++i) {
    const int64_t at = i * d;
    const float* row = x + at;
    if (delta != nullptr) {
      for (int64_t j = 0; j < d; j += kWidth) {
        const int lanes = d - j < kWidth ? static_cast<int>(d - j) : kWidth;
        storeLanes(sum + at + j, loadLanes(row + j, lanes) + loadLanes(delta + at + j, lanes), lanes);
      }
      row = sum + at;
    }
    const float squares = rowSum(d, [row](int64_t j, int lanes, Vec squared) {
      const Vec v = loadLanes(row + j, lanes);
      return fma(v, v, squared);
    });
    const float scale = 1.0f / __builtin_sqrtf(squares / static_cast<float>(d) + eps);
    if (rstd != nullptr) rstd[i] = scale;
    for (int64_t j = 0; j < d; j += kWidth) {
      const int lanes = d - j < kWidth ? static_cast<int>(d - j) : kWidth;
      storeLanes(y + at + j, loadLanes(weight + j, lanes) * (loadLanes(row + j, lanes) * splat(scale)), lanes);
    }
  }
}

void rmsNormBackwardRows(const float* dy, const float* dSum, const float* x, const float* weight, const float* rstd, float* dx, int64_t n,
                         int64_t d) {
  for (int64_t i = 0; i < n; ++i, x += d, dy += d, dx += d) {
    const float projection = rowSum(d, [dy, x, weight](int64_t j, int lanes, Vec sum) {
      return fma(loadLanes(dy + j, lanes) * loadLanes(weight + j, lanes), loadLanes(x + j, lanes), sum);
    });
    const Vec scale = splat(rstd[i]);
    const Vec shrink = splat(-(projection * rstd[i] * rstd[i] / static_cast<float>(d)));
    for (int64_t j = 0; j < d; j += kWidth) {
      const int lanes = d - j < kWidth ? static_cast<int>(d - j) : kWidth;
      const Vec direct = loadLanes(dy + j, lanes) * loadLanes(weight + j, lanes);
      const Vec through = scale * fma(loadLanes(x + j, lanes), shrink, direct);
      storeLanes(dx + j, dSum == nullptr ? through : through + loadLanes(dSum + i * d + j, lanes), lanes);
    }
  }
}

void rmsNormBackwardWeight(const float* dy, const float* x, const float* rstd, float* dWeight, int64_t n, int64_t d,
                           int64_t begin, int64_t end) {
  for (int64_t i = 0; i < n; ++i) {
    const float* dyRow = dy + i * d;
    const float* xRow = x + i * d;
    const Vec scale = splat(rstd[i]);
    for (int64_t j = begin; j < end; j += kWidth) {
      const int lanes = end - j < kWidth ? static_cast<int>(end - j) : kWidth;
      const Vec normal = loadLanes(xRow + j, lanes) * scale;
      storeLanes(dWeight + j, fma(loadLanes(dyRow + j, lanes), normal, loadLanes(dWeight + j, lanes)), lanes);
    }
  }
}

}  // namespace parl::PARL_ISA
