// A product with bfloat16 weights has the bits of the product with the float32 matrix of the same values.
#include <cstring>
#include <vector>

#include "check.h"
#include "core/embedding.h"
#include "core/linear_logprob.h"
#include "core/matmul.h"
#include "core/thread_pool.h"
#include "core/weight_panels.h"

namespace {

struct Pair {
  std::vector<parl::Bf16> halves;
  std::vector<float> floats;
};

Pair pairOf(uint64_t seed, int64_t size) {
  Pair pair;
  for (const float value : parl::test::mixedFloats(seed, static_cast<size_t>(size))) {
    uint32_t bits;
    std::memcpy(&bits, &value, sizeof bits);
    pair.halves.push_back({static_cast<uint16_t>(bits >> 16)});
    bits &= 0xffff0000u;
    pair.floats.emplace_back();
    std::memcpy(&pair.floats.back(), &bits, sizeof bits);
  }
  return pair;
}

bool isSame(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

}  // namespace

TEST(bf16_matmul_has_the_bits_of_the_widened_matrix) {
  const int64_t shapes[][3] = {{1, 1, 1}, {1, 33, 7}, {14, 32, 16}, {15, 31, 17}, {29, 65, 40}, {171, 70, 300}, {3, 1100, 20}, {9, 5, 1000}};
  for (const auto& s : shapes) {
    const int64_t m = s[0], n = s[1], k = s[2];
    const auto a = parl::test::mixedFloats(1, static_cast<size_t>(m * k));
    const Pair b = pairOf(2, n * k);
    for (const bool transposeB : {false, true}) {
      const parl::MatmulShape shape{m, n, k, false, transposeB, false};
      std::vector<float> expected(static_cast<size_t>(m * n)), out(expected.size());
      parl::matmul(a.data(), b.floats.data(), expected.data(), shape);
      parl::matmul(a.data(), b.halves.data(), out.data(), shape);
      CHECK(isSame(out, expected));
    }
    std::vector<float> panels(static_cast<size_t>(parl::weightPanelFloats(n, k))), widened(panels.size());
    parl::packWeight(b.floats.data(), n, k, panels.data());
    parl::packWeight(b.halves.data(), n, k, widened.data());
    CHECK(isSame(widened, panels));
  }
}

TEST(bf16_embedding_widens_rows) {
  for (int64_t d : {1, 16, 37, 100}) {
    const Pair weight = pairOf(3, 11 * d);
    const std::vector<int32_t> ids = {3, 0, 10, 3};
    std::vector<float> expected(ids.size() * static_cast<size_t>(d)), out(expected.size());
    parl::embeddingForward(weight.floats.data(), ids.data(), expected.data(), 4, d);
    parl::embeddingForward(weight.halves.data(), ids.data(), out.data(), 4, d);
    CHECK(isSame(out, expected));
  }
}

TEST(bf16_linear_logprob_has_the_bits_of_the_widened_matrix) {
  const parl::LinearLogprobShape s{5, 48, 9000, 0.7f};  // two blocks of the vocabulary
  const auto hidden = parl::test::mixedFloats(4, static_cast<size_t>(s.n * s.d)), upstream = parl::test::mixedFloats(5, static_cast<size_t>(s.n));
  const Pair weight = pairOf(6, s.v * s.d);
  const std::vector<int32_t> targets = {0, 8999, 17, 4500, 1};
  std::vector<float> results[2];
  for (const bool isHalf : {false, true}) {
    const parl::WeightData w = isHalf ? parl::WeightData(weight.halves.data()) : parl::WeightData(weight.floats.data());
    std::vector<float> logprobs(5), entropies(5), lse(5), dHidden(hidden.size()), again(hidden.size());
    parl::linearLogprobForward(hidden.data(), w, targets.data(), s, logprobs.data(), entropies.data(), lse.data());
    parl::linearLogprobBackward(upstream.data(), upstream.data(), hidden.data(), w, targets.data(), lse.data(), entropies.data(), s,
                                dHidden.data(), nullptr);
    parl::linearLogprobWithGradient(upstream.data(), hidden.data(), w, targets.data(), s, logprobs.data(), entropies.data(), lse.data(),
                                    again.data(), nullptr);
    for (const auto* part : {&logprobs, &entropies, &lse, &dHidden, &again}) {
      results[isHalf].insert(results[isHalf].end(), part->begin(), part->end());
    }
  }
  CHECK(isSame(results[1], results[0]));
}
