#include "core/sample_token.h"

#include "core/kernels/vec.h"

namespace parl::PARL_ISA {
namespace {

constexpr int kGroup = 8 * kWidth;

// Probabilities of logits[begin, begin + count), count <= kGroup, zeros after them; returns their sum.
float groupProbabilities(const float* logits, int count, Vec scale, Vec lse, float* probabilities) {
  Vec sum = splat(0.0f);
  for (int i = 0; i < kGroup; i += kWidth) {
    Vec p = splat(0.0f);
    if (i + kWidth <= count) {
      p = vexp(load(logits + i) * scale - lse);
    } else if (i < count) {
      p = vexp(loadPartial(logits + i, count - i, -__builtin_inff()) * scale - lse);
    }
    store(probabilities + i, p);
    sum += p;
  }
  return reduceAdd(sum);
}

}  // namespace

int32_t sampleToken(const float* logits, int64_t vocab, float inverseTemperature, float lse, double u) {
  const Vec scale = splat(inverseTemperature), offset = splat(lse);
  float p[kGroup];
  double below = 0.0;
  int64_t begin = 0, lastPositive = -1;
  for (; begin < vocab; begin += kGroup) {
    const int count = vocab - begin < kGroup ? static_cast<int>(vocab - begin) : kGroup;
    const float sum = groupProbabilities(logits + begin, count, scale, offset, p);
    if (sum > 0) lastPositive = begin;
    if (below + static_cast<double>(sum) > u) break;
    below += static_cast<double>(sum);
  }
  if (lastPositive < 0) return -1;
  if (begin >= vocab) {  // rounding left the whole sum at or below u
    begin = lastPositive;
    below = -__builtin_inf();
    const int count = vocab - begin < kGroup ? static_cast<int>(vocab - begin) : kGroup;
    groupProbabilities(logits + begin, count, scale, offset, p);
  }
  int32_t token = -1;
  for (int i = 0; i < kGroup && begin + i < vocab; ++i) {
    if (!(p[i] > 0)) continue;
    token = static_cast<int32_t>(begin) + i;
    below += static_cast<double>(p[i]);
    if (below > u) break;
  }
  return token;
}

int32_t argmaxToken(const float* logits, int64_t vocab) {
  float best = -__builtin_inff();
  int32_t index = -1;
  for (int64_t i = 0; i < vocab; ++i) {
    if (logits[i] != logits[i]) return -1;
    if (logits[i] > best) {
      best = logits[i];
      index = static_cast<int32_t>(i);
    }
  }
  return index;
}

}  // namespace parl::PARL_ISA
