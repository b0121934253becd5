#include "core/thread_pool.h"

#include <vector>

#include "check.h"

TEST(parallel_for_covers_every_index_once) {
  for (int threads : {1, 2, 3, 7}) {
    parl::setThreadCount(threads);
    for (int64_t count : {0, 1, 2, 3, 17, 1000}) {
      std::vector<int> hits(static_cast<size_t>(count), 0);
      parl::parallelFor(count, 1, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) ++hits[static_cast<size_t>(i)];
      });
      for (int hit : hits) CHECK(hit == 1);
    }
  }
  parl::setThreadCount(2);
}

TEST(parallel_for_inside_a_range_runs_alone) {
  parl::setThreadCount(2);
  std::vector<int> hits(64, 0);
  parl::parallelFor(8, 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      parl::parallelFor(8, 1, [&](int64_t b, int64_t e) {
        for (int64_t j = b; j < e; ++j) ++hits[static_cast<size_t>(i * 8 + j)];
      });
    }
  });
  for (int hit : hits) CHECK(hit == 1);
}
