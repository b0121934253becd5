// Tokens of a row that were sampled: one read of the mask, a bit a byte and the bits counted.
#include "core/token_rows.h"

#include "core/kernels/vec.h"

namespace parl::PARL_ISA {
namespace {

#if PARL_VEC_WIDTH == 16 && defined(PARL_X86)
constexpr int kBytes = 64;
inline int setBytes(const uint8_t* p) {
  const __m512i bytes = _mm512_loadu_si512(p);
  return __builtin_popcountll(_mm512_test_epi8_mask(bytes, bytes));
}
#elif PARL_VEC_WIDTH == 8 && defined(PARL_X86)
constexpr int kBytes = 32;
inline int setBytes(const uint8_t* p) {
  const __m256i isZero = _mm256_cmpeq_epi8(_mm256_loadu_si256((const __m256i*)p), _mm256_setzero_si256());
  return kBytes - __builtin_popcount(static_cast<unsigned>(_mm256_movemask_epi8(isZero)));
}
#else
constexpr int kBytes = 1;
inline int setBytes(const uint8_t* p) { return *p != 0; }
#endif

}  // namespace

int32_t sampledCountRow(const uint8_t* mask, int64_t n) {
  int32_t count = 0;
  int64_t i = 0;
  for (; i + kBytes <= n; i += kBytes) count += setBytes(mask + i);
  if (i < n) {
    uint8_t last[kBytes] = {};
    __builtin_memcpy(last, mask + i, static_cast<size_t>(n - i));
    count += setBytes(last);
  }
  return count;
}

}  // namespace parl::PARL_ISA
