#include "core/token_credit.h"

#include <algorithm>
#include <atomic>
#include <cmath>

#include "core/thread_pool.h"

namespace parl {
namespace {

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
  std::atomic<bool> stray{false}, notFinite{false};
  const auto groups = (static_cast<int64_t>(rows.rows()) + kCreditRows - 1) / kCreditRows;
  parallelFor(groups, (rowGrain(rows) + kCreditRows - 1) / kCreditRows, [&](int64_t first, int64_t last) {
    bool anyStray = false, anyNotFinite = false;
    for (int64_t group = first; group < last; ++group) {
      const size_t row = static_cast<size_t>(group) * kCreditRows;
      CreditRows together{rewards, values, rows.mask.data(), gamma, gamma * lambda, advantages, returns, 0, {}, {}};
      together.rows = static_cast<int>(std::min<size_t>(kCreditRows, rows.rows() - row));
      for (int i = 0; i < together.rows; ++i) {
        together.begins[i] = rows.begin(row + static_cast<size_t>(i));
        together.lengths[i] = rows.length(row + static_cast<size_t>(i));
      }
      const CreditFlags flags = PARL_DISPATCH(generalizedAdvantageRows)(together);
      anyStray |= flags.stray;
      anyNotFinite |= flags.notFinite;
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
