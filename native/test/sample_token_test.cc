#include "core/sample_token.h"

#include <limits>

#include "check.h"
#include "core/logprob.h"

namespace {
constexpr float kInfinity = std::numeric_limits<float>::infinity();
int32_t sampled(const std::vector<float>& logits, float inverseTemperature, double u) {
  const auto n = static_cast<int64_t>(logits.size());
  const auto sums = parl::logprobRow(logits.data(), n, inverseTemperature, false);
  return PARL_DISPATCH(sampleToken)(logits.data(), n, inverseTemperature, static_cast<float>(sums.logSumExp), u);
}
}  // namespace

// Against the inverse CDF in double. Near a step of the CDF rounding may decide: then either neighbour is right.
// Rounding of the sum: at most 3000 additions of float probabilities, error below 1e-5.
TEST(sample_token_inverts_the_cdf) {
  for (const size_t vocab : {1, 2, 15, 16, 17, 127, 128, 129, 2048, 3001}) {
    for (const float inverseTemperature : {1.0f, 0.5f, 2.0f}) {
      const auto logits = parl::test::mixedFloats(static_cast<uint32_t>(vocab), vocab, 5.0f);
      double total = 0;
      for (float logit : logits) total += std::exp(double(logit) * double(inverseTemperature));
      for (int step = 0; step < 50; ++step) {
        const double u = (step + 0.5) / 50;
        const int32_t token = sampled(logits, inverseTemperature, u);
        CHECK(token >= 0 && token < static_cast<int32_t>(vocab));
        double below = 0;
        for (int32_t i = 0; i < token; ++i) below += std::exp(double(logits[static_cast<size_t>(i)]) * double(inverseTemperature)) / total;
        const double above = below + std::exp(double(logits[static_cast<size_t>(token)]) * double(inverseTemperature)) / total;
        CHECK(below <= u + 1e-5 && above >= u - 1e-5);
      }
    }
  }
}

TEST(sample_token_never_takes_a_token_of_probability_zero) {
  for (const size_t vocab : {40, 300}) {
    std::vector<float> logits(vocab, -kInfinity);
    logits[7] = 0.25f;
    logits[vocab - 5] = 0.25f;
    for (const double u : {0.0, 0.25, 0.4999}) CHECK(sampled(logits, 1.0f, u) == 7);
    for (const double u : {0.5001, 0.75, 1.0 - 1.0 / 9007199254740992.0}) CHECK(sampled(logits, 1.0f, u) == static_cast<int32_t>(vocab) - 5);
  }
}

TEST(sample_token_beyond_the_rounded_sum_takes_the_last_possible_token) {
  std::vector<float> logits(300, 0.0f);
  for (size_t i = 290; i < 300; ++i) logits[i] = -kInfinity;
  // A log-sum-exp that is a little too large leaves a sum of 0.9999.
  const float lse = static_cast<float>(std::log(290.0) + 1e-4);
  CHECK(PARL_DISPATCH(sampleToken)(logits.data(), 300, 1.0f, lse, 0.99999999) == 289);
}

TEST(sample_token_reports_rows_without_a_choice) {
  std::vector<float> logits(100, 0.0f);
  logits[50] = std::numeric_limits<float>::quiet_NaN();
  CHECK(sampled(logits, 1.0f, 0.5) == -1);
  logits[50] = kInfinity;
  CHECK(sampled(logits, 1.0f, 0.5) == -1);
  CHECK(sampled(std::vector<float>(100, -kInfinity), 1.0f, 0.5) == -1);
}

TEST(argmax_token_takes_the_lowest_of_equals) {
  for (const size_t vocab : {1, 16, 33, 1000}) {
    std::vector<float> logits = parl::test::mixedFloats(3, vocab);
    const size_t at = vocab / 2;
    logits[at] = 2.0f;
    if (vocab > 3) logits[at + 1] = logits[vocab - 1] = 2.0f;
    CHECK(PARL_DISPATCH(argmaxToken)(logits.data(), static_cast<int64_t>(vocab)) == static_cast<int32_t>(at));
  }
  std::vector<float> bad{1.0f, std::numeric_limits<float>::quiet_NaN()};
  CHECK(PARL_DISPATCH(argmaxToken)(bad.data(), 2) == -1);
  CHECK(PARL_DISPATCH(argmaxToken)(std::vector<float>(5, -kInfinity).data(), 5) == -1);
}
