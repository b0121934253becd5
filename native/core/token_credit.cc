#include "core/token_credit.h"

#include <algorithm>
#include <atomic>
#include <cmath>

#include "core/thread_pool.h"

namespace parl {
namespace {

constexpr size_t kTogether = 4;

// A row being walked from its end: V and A of the next sampled token.
struct Walk {
  int64_t begin = 0, at = 0;
  double nextValue = 0, carry = 0;
};

struct Inputs {
  const float *rewards, *values;
  const uint8_t* mask;
  double gamma, decay;
  float *advantages, *returns;
};

// One token further back; true when a reward stands on a token that was not sampled.
inline bool stepBack(const Inputs& in, Walk& walk) {
  const int64_t t = --walk.at;
  const bool sampled = in.mask[t] != 0;
  const double reward = static_cast<double>(in.rewards[t]), value = static_cast<double>(in.values[t]);
  const double advantage = (reward + in.gamma * walk.nextValue - value) + in.decay * walk.carry;
  walk.carry = sampled ? advantage : walk.carry;
  walk.nextValue = sampled ? value : walk.nextValue;
  in.advantages[t] = sampled ? static_cast<float>(advantage) : 0.0f;
  in.returns[t] = sampled ? static_cast<float>(advantage + value) : 0.0f;
  return !sampled & (in.rewards[t] != 0);
}

int64_t firstNotFinite(const float* values, std::span<const uint8_t> mask) {
  for (size_t t = 0; t < mask.size(); ++t) {
    if (mask[t] != 0 && !std::isfinite(values[t])) return static_cast<int64_t>(t);
  }
  return -1;
}

CreditStatus status(bool stray, bool notFinite, const float* rewards, const float* values, const TokenRows& rows) {
  if (stray) return {CreditFault::maskedReward, firstMaskedReward(rewards, rows.mask)};
  if (!notFinite) return {};
  const int64_t reward = firstNotFinite(rewards, rows.mask);
  return {CreditFault::notFinite, reward >= 0 || values == nullptr ? reward : firstNotFinite(values, rows.mask)};
}

}  // namespace

CreditStatus generalizedAdvantages(const float* rewards, const float* values, const TokenRows& rows, double gamma,
                                   double lambda, float* advantages, float* returns) {
  const Inputs in{rewards, values, rows.mask.data(), gamma, gamma * lambda, advantages, returns};
  std::atomic<bool> stray{false}, notFinite{false};
  const auto groups = static_cast<int64_t>((rows.rows() + kTogether - 1) / kTogether);
  parallelFor(groups, (rowGrain(rows) + kTogether - 1) / static_cast<int64_t>(kTogether), [&](int64_t first, int64_t last) {
    bool anyStray = false, anyNotFinite = false;
    for (int64_t group = first; group < last; ++group) {
      const size_t row = static_cast<size_t>(group) * kTogether, count = std::min(kTogether, rows.rows() - row);
      Walk walks[kTogether];
      for (size_t i = 0; i < count; ++i) {
        walks[i].begin = rows.begin(row + i);
        walks[i].at = walks[i].begin + rows.length(row + i);
      }
      if (count == kTogether) {
        int64_t steps = rows.length(row);
        for (size_t i = 1; i < kTogether; ++i) steps = std::min(steps, rows.length(row + i));
        Walk a = walks[0], b = walks[1], c = walks[2], d = walks[3];
        for (int64_t step = 0; step < steps; ++step) {
          anyStray |= stepBack(in, a);
          anyStray |= stepBack(in, b);
          anyStray |= stepBack(in, c);
          anyStray |= stepBack(in, d);
        }
        walks[0] = a, walks[1] = b, walks[2] = c, walks[3] = d;
      }
      for (size_t i = 0; i < count; ++i) {
        while (walks[i].at > walks[i].begin) anyStray |= stepBack(in, walks[i]);
        // Every advantage of a row reaches its first one, a NaN even through a decay of 0.
        anyNotFinite |= !std::isfinite(walks[i].carry);
      }
    }
    if (anyStray) stray.store(true, std::memory_order_relaxed);
    if (anyNotFinite) notFinite.store(true, std::memory_order_relaxed);
  });
  return status(stray.load(), notFinite.load(), rewards, values, rows);
}

CreditStatus discountedReturns(const float* rewards, const TokenRows& rows, double gamma, float* returns) {
  std::atomic<bool> stray{false}, notFinite{false};
  parallelFor(static_cast<int64_t>(rows.rows()), rowGrain(rows), [&](int64_t first, int64_t last) {
    bool anyStray = false, anyNotFinite = false;
    for (size_t row = static_cast<size_t>(first); row < static_cast<size_t>(last); ++row) {
      double carry = 0;
      for (int64_t t = rows.begin(row) + rows.length(row) - 1; t >= rows.begin(row); --t) {
        const bool sampled = rows.mask[static_cast<size_t>(t)] != 0;
        anyStray |= !sampled & (rewards[t] != 0);
        if (sampled) carry = static_cast<double>(rewards[t]) + gamma * carry;
        returns[t] = sampled ? static_cast<float>(carry) : 0.0f;
      }
      anyNotFinite |= !std::isfinite(carry);
    }
    if (anyStray) stray.store(true, std::memory_order_relaxed);
    if (anyNotFinite) notFinite.store(true, std::memory_order_relaxed);
  });
  return status(stray.load(), notFinite.load(), rewards, nullptr, rows);
}

}  // namespace parl
