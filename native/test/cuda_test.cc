// The CUDA kernels on CPU threads (cuda_block.h), and the whole path where there is a device.
#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "check.h"
#include "core/cuda/device.h"
#include "core/cuda/group_advantage.h"
#include "core/cuda/logprob.h"
#include "core/group_advantage.h"

// After everything else: it redefines CUDA's words.
#include "cuda_block.h"

#include "core/cuda/group_advantage_kernel.cuh"
#include "core/cuda/logprob_kernel.cuh"

namespace {

struct Row {
  double logprob, entropy, lse;
};

// The formulas in double.
Row expectedRow(const float* logits, int64_t v, int32_t target, double temperature) {
  double largest = -INFINITY, sum = 0, weighted = 0;
  for (int64_t j = 0; j < v; ++j) largest = std::max(largest, logits[j] / temperature);
  for (int64_t j = 0; j < v; ++j) sum += std::exp(logits[j] / temperature - largest);
  const double lse = largest + std::log(sum);
  for (int64_t j = 0; j < v; ++j) {
    const double p = std::exp(logits[j] / temperature - lse);
    if (p > 0) weighted += p * (logits[j] / temperature - lse);
  }
  return {logits[target] / temperature - lse, -weighted, lse};
}

struct Outputs {
  std::vector<float> logprobs, entropies, lse;
  explicit Outputs(size_t n) : logprobs(n, 9), entropies(n, 9), lse(n, 9) {}
};

void checkRows(const std::vector<float>& logits, const std::vector<int32_t>& targets, int64_t v, double temperature,
               const Outputs& out) {
  for (size_t i = 0; i < targets.size(); ++i) {
    const Row row = expectedRow(&logits[i * static_cast<size_t>(v)], v, targets[i], temperature);
    // A float32 logit of up to 50 is off by 50 * 2^-24 after the product with 1 / temperature; sums of v / 256 terms and
    // a tree add less.
    const double tolerance = 4 * 50 * 0x1p-24 / temperature;
    CHECK_NEAR(out.logprobs[i], row.logprob, tolerance);
    CHECK_NEAR(out.entropies[i], row.entropy, tolerance);
    CHECK_NEAR(out.lse[i], row.lse, tolerance);
  }
}

bool haveDevice() {
  const parl::cuda::Report report = parl::cuda::report();
  if (!report.devices.empty()) return true;
  static bool said = false;
  if (!said) std::printf("cuda on a device: skipped, %s\n", report.reason.c_str());
  said = true;
  return false;
}

std::vector<double> mixedRewards(size_t n) {
  std::vector<double> rewards(n);
  for (size_t i = 0; i < n; ++i) rewards[i] = parl::test::mixed(11, static_cast<uint32_t>(i));
  return rewards;
}

}  // namespace

TEST(cuda_logprob_kernel_on_cpu_threads) {
  for (int64_t v : {1, 2, 31, 255, 256, 257, 1000}) {
    for (float temperature : {1.0f, 0.5f}) {
      const size_t n = 2;
      const auto logits = parl::test::mixedFloats(static_cast<uint32_t>(v), n * static_cast<size_t>(v), 50);
      const std::vector<int32_t> targets = {0, static_cast<int32_t>(v - 1)};
      Outputs out(n);
      parl::test::launch(n, parl::cuda::kThreads, [&] {
        parl::cuda::logprobForwardKernel(logits.data(), targets.data(), v, 1.0f / temperature, out.logprobs.data(),
                                         out.entropies.data(), out.lse.data());
      });
      checkRows(logits, targets, v, temperature, out);
    }
  }
}

TEST(cuda_logprob_kernel_infinities) {
  const float inf = std::numeric_limits<float>::infinity(), nan = std::numeric_limits<float>::quiet_NaN();
  // Two tokens of probability 1/2, then a target of probability 0; +Infinity and NaN poison their rows only.
  const std::vector<float> logits = {3, -inf, 3, 3, -inf, 3, 0, inf, 0, 0, nan, 0};
  const std::vector<int32_t> targets = {0, 1, 0, 0};
  Outputs out(4);
  parl::test::launch(4, parl::cuda::kThreads, [&] {
    parl::cuda::logprobForwardKernel(logits.data(), targets.data(), 3, 1, out.logprobs.data(), out.entropies.data(), out.lse.data());
  });
  CHECK_NEAR(out.logprobs[0], -std::log(2.0), 1e-7);
  CHECK_NEAR(out.entropies[0], std::log(2.0), 1e-7);
  CHECK(out.logprobs[1] == -inf);
  CHECK_NEAR(out.entropies[1], std::log(2.0), 1e-7);
  for (int row : {2, 3}) CHECK(std::isnan(out.logprobs[row]) && std::isnan(out.entropies[row]));
}

TEST(cuda_group_advantage_kernel_is_bit_equal_to_the_cpu) {
  const size_t n = 300;
  const auto rewards = mixedRewards(n);
  std::vector<int32_t> groups(n);
  for (size_t i = 0; i < n; ++i) groups[i] = static_cast<int32_t>(i * i % 97);
  for (auto estimator : {parl::AdvantageEstimator::grpo, parl::AdvantageEstimator::drGrpo, parl::AdvantageEstimator::rloo}) {
    std::vector<double> expected(n), sortedOut(n), actual(n);
    parl::groupAdvantages(rewards, groups, {estimator, 1e-6}, expected);
    const auto sorted = parl::sortGroups(rewards, groups);
    const auto count = static_cast<int64_t>(sorted.begins.size()) - 1;
    parl::test::launch(static_cast<unsigned>((count + 15) / 16), 16, [&] {
      parl::cuda::groupAdvantageKernel(sorted.begins.data(), sorted.rewards.data(), count, estimator, 1e-6, sortedOut.data());
    });
    for (size_t i = 0; i < n; ++i) actual[sorted.rows[i]] = sortedOut[i];
    CHECK(actual == expected);
  }
}

TEST(cuda_without_a_device_says_why) {
  const parl::cuda::Report report = parl::cuda::report();
  CHECK(report.devices.empty() != report.reason.empty());
  if (!report.devices.empty()) return;
  const std::vector<float> logits(6);
  const std::vector<int32_t> targets(2);
  Outputs out(2);
  CHECK(!parl::cuda::logprobForward(logits.data(), targets.data(), 2, 3, 1, out.logprobs.data(), out.entropies.data(), out.lse.data())
             .empty());
}

TEST(cuda_logprob_on_a_device) {
  if (!haveDevice()) return;
  for (int64_t v : {1, 257, 32003, 151936}) {
    const size_t n = 37;
    const auto logits = parl::test::mixedFloats(3, n * static_cast<size_t>(v), 50);
    std::vector<int32_t> targets(n);
    for (size_t i = 0; i < n; ++i) targets[i] = static_cast<int32_t>(static_cast<int64_t>(i * 7919) % v);
    Outputs out(n);
    const std::string failed = parl::cuda::logprobForward(logits.data(), targets.data(), n, v, 0.5f, out.logprobs.data(),
                                                          out.entropies.data(), out.lse.data());
    CHECK(failed.empty());
    if (!failed.empty()) std::printf("  %s\n", failed.c_str());
    checkRows(logits, targets, v, 0.5, out);
  }
}

TEST(cuda_group_advantage_on_a_device_is_bit_equal) {
  if (!haveDevice()) return;
  const size_t n = 10000;
  const auto rewards = mixedRewards(n);
  std::vector<int32_t> groups(n);
  for (size_t i = 0; i < n; ++i) groups[i] = static_cast<int32_t>(i % 1251);
  for (auto estimator : {parl::AdvantageEstimator::grpo, parl::AdvantageEstimator::drGrpo, parl::AdvantageEstimator::rloo}) {
    std::vector<double> expected(n), actual(n);
    parl::groupAdvantages(rewards, groups, {estimator, 1e-6}, expected);
    CHECK(parl::cuda::groupAdvantages(rewards, groups, estimator, 1e-6, actual).empty());
    CHECK(actual == expected);
  }
}
