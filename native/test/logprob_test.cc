#include "core/logprob.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <thread>
#include <vector>

#include "check.h"
#include "core/linear_logprob.h"
#include "core/matmul.h"
#include "core/scratch.h"
#include "core/thread_pool.h"

namespace {

struct Reference {
  double logprob, entropy, lse;
};
Reference reference(const double* logits, size_t v, size_t target, double temperature) {
  double max = -std::numeric_limits<double>::infinity(), sum = 0, mean = 0;
  for (size_t j = 0; j < v; ++j) max = std::max(max, logits[j] / temperature);
  for (size_t j = 0; j < v; ++j) sum += std::exp(logits[j] / temperature - max);
  const double lse = max + std::log(sum);
  for (size_t j = 0; j < v; ++j) {
    if (std::isfinite(logits[j])) mean += std::exp(logits[j] / temperature - lse) * (logits[j] / temperature);
  }
  return {logits[target] / temperature - lse, lse - mean, lse};
}

}  // namespace

TEST(logprob_matches_double) {
  for (size_t v : {1, 2, 17, 64, 65, 1000, 5000}) {
    for (float temperature : {0.5f, 1.0f, 2.0f}) {
      const size_t n = 4;
      const auto logits = parl::test::mixedFloats(static_cast<uint32_t>(v), n * v, 20);
      const std::vector<double> wide(logits.begin(), logits.end());
      std::vector<int32_t> targets;
      for (size_t i = 0; i < n; ++i) targets.push_back(static_cast<int32_t>(i * 7919 % v));
      std::vector<float> logprobs(n), entropies(n), lse(n);
      parl::logprobForward(logits.data(), targets.data(), n, static_cast<int64_t>(v), temperature, logprobs.data(), entropies.data(), lse.data());
      for (size_t i = 0; i < n; ++i) {
        const Reference expected = reference(wide.data() + i * v, v, static_cast<size_t>(targets[i]), temperature);
        // z - max rounds to half an ULP of 80, 4e-6, in each exponential; the chains of the sum have at most v / 16 terms.
        CHECK_NEAR(logprobs[i], expected.logprob, 1e-5);
        CHECK_NEAR(lse[i], expected.lse, 1e-5);
        CHECK_NEAR(entropies[i], expected.entropy, 4e-5);
      }
      std::vector<float> again(n);
      parl::logprobForward(logits.data(), targets.data(), n, static_cast<int64_t>(v), temperature, again.data(), nullptr, lse.data());
      CHECK(again == logprobs);  // asking for entropies changes no bit of the log-probabilities
    }
  }
}

TEST(logprob_of_impossible_and_broken_tokens) {
  const float inf = std::numeric_limits<float>::infinity();
  const float logits[] = {-inf, 0, 0, -inf, /**/ 0, inf, 0, 0, /**/ 0, 0, 0, std::nanf("")};
  const int32_t targets[] = {1, 0, 0}, impossible[] = {0, 0, 0};
  float logprobs[3], entropies[3], lse[3];
  parl::logprobForward(logits, targets, 3, 4, 1, logprobs, entropies, lse);
  CHECK_NEAR(logprobs[0], -std::log(2.0), 1e-7);
  CHECK_NEAR(entropies[0], std::log(2.0), 1e-7);
  CHECK(std::isnan(logprobs[1]) && std::isnan(logprobs[2]));
  parl::logprobForward(logits, impossible, 1, 4, 1, logprobs, entropies, lse);
  CHECK(logprobs[0] == -inf);
  const float one[] = {1};
  float dLogits[4];
  parl::logprobBackward(one, one, logits, targets, lse, entropies, 1, 4, 1, dLogits);
  CHECK(dLogits[0] == 0 && dLogits[3] == 0);
  CHECK_NEAR(dLogits[1], 0.5, 1e-6);
  CHECK_NEAR(dLogits[2], -0.5, 1e-6);
}

TEST(logprob_backward_matches_finite_differences) {
  const size_t n = 3, v = 37;
  const float temperature = 0.7f;
  const auto logits = parl::test::mixedFloats(1, n * v, 3), dLogprobs = parl::test::mixedFloats(2, n), dEntropies = parl::test::mixedFloats(3, n);
  const std::vector<int32_t> targets = {0, 36, 5};
  std::vector<float> logprobs(n), entropies(n), lse(n), dLogits(n * v);
  parl::logprobForward(logits.data(), targets.data(), n, v, temperature, logprobs.data(), entropies.data(), lse.data());
  parl::logprobBackward(dLogprobs.data(), dEntropies.data(), logits.data(), targets.data(), lse.data(), entropies.data(), n, v, temperature, dLogits.data());
  std::vector<double> wide(logits.begin(), logits.end());
  for (size_t i = 0; i < n * v; ++i) {
    const size_t row = i / v;
    const auto loss = [&] {
      const Reference r = reference(wide.data() + row * v, v, static_cast<size_t>(targets[row]), temperature);
      return dLogprobs[row] * r.logprob + dEntropies[row] * r.entropy;
    };
    const double before = wide[i];
    wide[i] = before + 1e-5;
    const double above = loss();
    wide[i] = before - 1e-5;
    const double below = loss();
    wide[i] = before;
    CHECK_NEAR(dLogits[i], (above - below) / 2e-5, 3e-6);
  }
}

TEST(linear_logprob_matches_double_and_finite_differences) {
  const size_t n = 5, d = 9, v = 50;
  const float temperature = 1.5f;
  const auto hidden = parl::test::mixedFloats(1, n * d), weight = parl::test::mixedFloats(2, v * d);
  const auto dLogprobs = parl::test::mixedFloats(3, n), dEntropies = parl::test::mixedFloats(4, n);
  const std::vector<int32_t> targets = {0, 49, 7, 7, 20};
  const parl::LinearLogprobShape shape{n, d, v, temperature};
  std::vector<float> logprobs(n), entropies(n), lse(n), dHidden(n * d), dWeight(v * d, 0.25f);
  parl::linearLogprobForward(hidden.data(), weight.data(), targets.data(), shape, logprobs.data(), entropies.data(), lse.data());
  parl::linearLogprobBackward(dLogprobs.data(), dEntropies.data(), hidden.data(), weight.data(), targets.data(), lse.data(), entropies.data(),
                              shape, dHidden.data(), dWeight.data());
  std::vector<double> h(hidden.begin(), hidden.end()), w(weight.begin(), weight.end()), logits(v);
  const auto row = [&](size_t i) {
    for (size_t j = 0; j < v; ++j) {
      logits[j] = 0;
      for (size_t c = 0; c < d; ++c) logits[j] += h[i * d + c] * w[j * d + c];
    }
    return reference(logits.data(), v, static_cast<size_t>(targets[i]), temperature);
  };
  const auto slope = [&](double& value) {
    double total[2];
    const double before = value;
    for (int side : {0, 1}) {
      value = before + (side == 0 ? 1e-5 : -1e-5);
      total[side] = 0;
      for (size_t i = 0; i < n; ++i) {
        const Reference r = row(i);
        total[side] += dLogprobs[i] * r.logprob + dEntropies[i] * r.entropy;
      }
    }
    value = before;
    return (total[0] - total[1]) / 2e-5;
  };
  for (size_t i = 0; i < n; ++i) {
    const Reference r = row(i);
    CHECK_NEAR(logprobs[i], r.logprob, 3e-6);
    CHECK_NEAR(entropies[i], r.entropy, 6e-6);
  }
  for (size_t i = 0; i < n * d; ++i) CHECK_NEAR(dHidden[i], slope(h[i]), 3e-6);
  for (size_t i = 0; i < v * d; i += 5) CHECK_NEAR(dWeight[i], 0.25 + slope(w[i]), 3e-6);
}

TEST(linear_logprob_bits_do_not_depend_on_tiles_neighbours_or_threads) {
  const size_t n = 1100, d = 24, v = 70;  // three tiles of rows
  const auto hidden = parl::test::mixedFloats(1, n * d), weight = parl::test::mixedFloats(2, v * d), dLogprobs = parl::test::mixedFloats(3, n);
  std::vector<int32_t> targets(n);
  for (size_t i = 0; i < n; ++i) targets[i] = static_cast<int32_t>(i % v);
  std::vector<float> first, firstDWeight, logprobs(n), entropies(n), lse(n), dHidden(n * d);
  for (int threads : {1, 2, 3}) {
    parl::setThreadCount(threads);
    std::vector<float> dWeight(v * d, 0);
    parl::linearLogprobForward(hidden.data(), weight.data(), targets.data(), {n, d, v, 1}, logprobs.data(), entropies.data(), lse.data());
    parl::linearLogprobBackward(dLogprobs.data(), nullptr, hidden.data(), weight.data(), targets.data(), lse.data(), nullptr, {n, d, v, 1},
                                dHidden.data(), dWeight.data());
    if (threads == 1) first = logprobs, firstDWeight = dWeight;
    CHECK(logprobs == first && dWeight == firstDWeight);
  }
  parl::setThreadCount(2);
  for (size_t i : {0, 511, 512, 1099}) {
    float logprob, entropy, sum;
    parl::linearLogprobForward(hidden.data() + i * d, weight.data(), targets.data() + i, {1, d, v, 1}, &logprob, &entropy, &sum);
    CHECK(logprob == logprobs[i] && entropy == entropies[i]);
  }
  // Two halves accumulated give the bits of the whole: micro-batches change nothing.
  std::vector<float> halves(v * d, 0);
  for (size_t at : {0, 550}) {
    parl::linearLogprobBackward(dLogprobs.data() + at, nullptr, hidden.data() + at * d, weight.data(), targets.data() + at, lse.data() + at,
                                nullptr, {550, d, v, 1}, dHidden.data(), halves.data());
  }
  CHECK(halves == firstDWeight);
}

TEST(logprob_merges_blocks_of_a_large_vocabulary) {
  const float inf = std::numeric_limits<float>::infinity();
  const int64_t v = 2 * parl::kLogprobBlock + 100, n = 3;
  std::vector<float> logits(static_cast<size_t>(n * v), -inf);
  // Row 0: impossible tokens in the first block, then 0 and 1 in the others. Row 1: NaN in the last block. Row 2: nothing possible.
  logits[static_cast<size_t>(parl::kLogprobBlock + 7)] = 0;
  logits[static_cast<size_t>(v - 1)] = 1;
  logits[static_cast<size_t>(v)] = 0;
  logits[static_cast<size_t>(2 * v - 1)] = std::nanf("");
  const std::vector<int32_t> targets{static_cast<int32_t>(v - 1), 0, 0};
  std::vector<float> logprobs(3), entropies(3), lse(3);
  parl::logprobForward(logits.data(), targets.data(), n, v, 1, logprobs.data(), entropies.data(), lse.data());
  const double p = 1 / (1 + std::exp(-1.0));
  CHECK_NEAR(logprobs[0], std::log(p), 1e-6);
  CHECK_NEAR(entropies[0], -p * std::log(p) - (1 - p) * std::log(1 - p), 1e-6);
  CHECK(std::isnan(logprobs[1]) && std::isnan(entropies[1]) && std::isnan(lse[1]));
  CHECK(std::isnan(logprobs[2]) && std::isnan(entropies[2]) && std::isnan(lse[2]));
}

TEST(linear_logprob_of_a_large_vocabulary_has_the_bits_of_whole_rows) {
  for (int64_t n : {5, 150}) {  // few rows, and rows enough for panels that threads share
    const int64_t d = 7, v = parl::kLogprobBlock + 900;
    const auto hidden = parl::test::mixedFloats(1, static_cast<size_t>(n * d)), weight = parl::test::mixedFloats(2, static_cast<size_t>(v * d));
    std::vector<int32_t> targets{0, static_cast<int32_t>(v - 1), 4095, 4096, 17};
    for (int64_t i = 5; i < n; ++i) targets.push_back(static_cast<int32_t>(i * 991 % v));
    std::vector<float> logits(static_cast<size_t>(n * v)), expected[3], actual[3];
    for (auto& values : expected) values.resize(static_cast<size_t>(n));
    for (auto& values : actual) values.resize(static_cast<size_t>(n));
    parl::matmul(hidden.data(), weight.data(), logits.data(), {n, v, d, false, true, false});
    parl::logprobForward(logits.data(), targets.data(), n, v, 0.7f, expected[0].data(), expected[1].data(), expected[2].data());
    parl::linearLogprobForward(hidden.data(), weight.data(), targets.data(), {n, d, v, 0.7f}, actual[0].data(), actual[1].data(), actual[2].data());
    for (int i = 0; i < 3; ++i) CHECK(expected[i] == actual[i]);

    // And the gradients those of the whole matrix.
    const auto upstream = parl::test::mixedFloats(3, static_cast<size_t>(n));
    std::vector<float> dHidden(static_cast<size_t>(n * d)), dWeight(static_cast<size_t>(v * d)), wholeHidden(dHidden), wholeWeight(dWeight);
    parl::logprobBackward(upstream.data(), upstream.data(), logits.data(), targets.data(), expected[2].data(), expected[1].data(), n, v, 0.7f, logits.data());
    parl::matmul(logits.data(), weight.data(), wholeHidden.data(), {n, d, v, false, false, false});
    parl::matmul(logits.data(), hidden.data(), wholeWeight.data(), {v, d, n, true, false, true});
    parl::linearLogprobBackward(upstream.data(), upstream.data(), hidden.data(), weight.data(), targets.data(), actual[2].data(),
                                actual[1].data(), {n, d, v, 0.7f}, dHidden.data(), dWeight.data());
    CHECK(dHidden == wholeHidden);
    CHECK(dWeight == wholeWeight);
  }
}

// Rows that fit in the gradient of the weight, some of them or more than are ever kept; blocks that are padded and one that is not.
TEST(linear_logprob_keeps_logits_where_the_gradient_of_the_weight_will_be) {
  struct Extents {
    int64_t n, d, v;
  };
  for (const auto [n, d, v] : {Extents{9, 16, 512}, {16, 16, 512}, {40, 16, 5000}, {150, 160, 4096 + 512}, {1100, 1040, 40}, {3, 1, 1}, {0, 4, 9}}) {
    const parl::LinearLogprobShape shape{n, d, v, 0.7f};
    const auto rows = static_cast<size_t>(n);
    const auto hidden = parl::test::mixedFloats(1, static_cast<size_t>(n * d)), weight = parl::test::mixedFloats(2, static_cast<size_t>(v * d));
    const auto upstream = parl::test::mixedFloats(3, rows);
    std::vector<int32_t> targets(rows);
    for (int64_t i = 0; i < n; ++i) targets[static_cast<size_t>(i)] = static_cast<int32_t>(i * 991 % v);
    for (const bool hasEntropy : {false, true}) {
      std::vector<float> results[2];
      for (const bool isKept : {false, true}) {
        std::vector<float> logprobs(rows), entropies(rows), lse(rows), dHidden(hidden.size()), dWeight(weight.size(), isKept ? 9.0f : 0.0f);
        parl::linearLogprobForward(hidden.data(), weight.data(), targets.data(), shape, logprobs.data(), entropies.data(), lse.data(),
                                   isKept ? dWeight.data() : nullptr);
        parl::linearLogprobBackward(upstream.data(), hasEntropy ? upstream.data() : nullptr, hidden.data(), weight.data(), targets.data(),
                                    lse.data(), entropies.data(), shape, dHidden.data(), dWeight.data(), isKept);
        for (const auto* part : {&logprobs, &entropies, &lse, &dHidden, &dWeight}) {
          results[isKept].insert(results[isKept].end(), part->begin(), part->end());
        }
      }
      CHECK(results[1] == results[0]);
    }
  }
}

// 5 % of the logits of 512 tokens and a vocabulary of 151,936, whatever the vocabulary: measured on threads that held nothing before.
TEST(linear_logprob_holds_a_twentieth_of_the_logits_at_most) {
  constexpr int kThreads = 2;
  const int64_t n = 512, d = 8;
  CHECK(20 * parl::linearLogprobScratchBytes({n, 896, 151936, 1}, kThreads) <= n * 151936 * 4);
  CHECK(parl::linearLogprobScratchBytes({n, d, 3000, 1}, kThreads) < parl::linearLogprobScratchBytes({n, d, 9000, 1}, kThreads));
  for (int64_t v : {3000, 9000, 20000, 70000}) {
    const auto hidden = parl::test::mixedFloats(1, n * d), weight = parl::test::mixedFloats(2, static_cast<size_t>(v * d));
    const std::vector<float> upstream(n, 1.0f);
    std::vector<int32_t> targets(n);
    for (int64_t i = 0; i < n; ++i) targets[static_cast<size_t>(i)] = static_cast<int32_t>(i * 7 % v);
    std::vector<float> logprobs(n), entropies(n), lse(n), dHidden(n * d), dWeight(static_cast<size_t>(v * d));
    const auto nothing = [](int64_t, int64_t) {};
    parl::setThreadCount(kThreads + 1);
    parl::parallelFor(kThreads, 1, nothing);
    parl::setThreadCount(kThreads);
    const parl::LinearLogprobShape shape{n, d, v, 1};
    int64_t held = 0, heldWithKept = 0;
    std::thread([&] {
      parl::parallelFor(kThreads, 1, nothing);
      const int64_t before = parl::scratchBytes();
      parl::linearLogprobForward(hidden.data(), weight.data(), targets.data(), shape, logprobs.data(), entropies.data(), lse.data());
      parl::linearLogprobBackward(upstream.data(), upstream.data(), hidden.data(), weight.data(), targets.data(), lse.data(), entropies.data(),
                                  shape, dHidden.data(), dWeight.data());
      held = parl::scratchBytes() - before;  // small buffers are kept, so what is held now is the peak
      parl::linearLogprobWithGradient(upstream.data(), hidden.data(), weight.data(), targets.data(), shape, logprobs.data(), entropies.data(),
                                      lse.data(), dHidden.data(), dWeight.data());
      heldWithKept = parl::scratchBytes() - before;
    }).join();
    CHECK(held >= n * std::min<int64_t>(v, 4096) * 4);
    CHECK(held <= parl::linearLogprobScratchBytes(shape, kThreads));
    if (v > 65536) CHECK(heldWithKept <= parl::linearLogprobScratchBytes(shape, kThreads));
  }
}
