#include "core/embedding.h"

#include <vector>

#include "check.h"
#include "core/thread_pool.h"

TEST(embedding_copies_rows_and_adds_gradients_in_order) {
  const int64_t vocab = 11, n = 3000;
  std::vector<int32_t> ids(static_cast<size_t>(n));
  for (size_t i = 0; i < ids.size(); ++i) ids[i] = static_cast<int32_t>(i * i % 7);
  for (int64_t d : {1, 16, 37, 100}) {
    const auto weight = parl::test::mixedFloats(1, static_cast<size_t>(vocab * d)), dOut = parl::test::mixedFloats(2, static_cast<size_t>(n * d));
    std::vector<float> expected(weight.size(), 0.5f);
    for (size_t i = 0; i < ids.size(); ++i) {
      for (int64_t j = 0; j < d; ++j) expected[static_cast<size_t>(ids[i] * d + j)] += dOut[i * static_cast<size_t>(d) + static_cast<size_t>(j)];
    }
    for (int threads : {1, 2, 3}) {
      parl::setThreadCount(threads);
      std::vector<float> out(static_cast<size_t>(n * d)), dWeight(weight.size(), 0.5f);
      parl::embeddingForward(weight.data(), ids.data(), out.data(), n, d);
      for (size_t i = 0; i < out.size(); ++i) {
        CHECK(out[i] == weight[static_cast<size_t>(ids[i / static_cast<size_t>(d)] * d) + i % static_cast<size_t>(d)]);
      }
      parl::embeddingBackward(dOut.data(), ids.data(), dWeight.data(), n, d);
      CHECK(dWeight == expected);
    }
  }
  parl::setThreadCount(2);
}
