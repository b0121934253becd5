#include "core/thread_pool.h"

#include <atomic>
#include <thread>
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

TEST(parallel_each_takes_every_item_once_and_a_worker_one_at_a_time) {
  for (int threads : {1, 2, 3, 7}) {
    parl::setThreadCount(threads);
    for (int64_t count : {0, 1, 2, 5, 100}) {
      std::vector<int> hits(static_cast<size_t>(count), 0);
      std::vector<std::atomic<int>> inside(static_cast<size_t>(threads));
      std::atomic<bool> isAlone{true};
      parl::parallelEach(count, [&](int64_t i, int64_t worker) {
        if (++inside[static_cast<size_t>(worker)] != 1) isAlone = false;
        parl::parallelFor(3, 1, [&](int64_t begin, int64_t end) { hits[static_cast<size_t>(i)] += static_cast<int>(end - begin); });
        --inside[static_cast<size_t>(worker)];
      });
      CHECK(isAlone);
      for (int hit : hits) CHECK(hit == 3);
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

// Jobs of a few nanoseconds behind each other, from two callers: a range that is lost, done twice or mixed up with one of
// the next job shows as a wrong sum.
TEST(parallel_for_keeps_jobs_apart) {
  parl::setThreadCount(4);
  const auto sums = [](int64_t first, bool* right) {
    *right = true;
    for (int64_t job = first; job < first + 3000; ++job) {
      std::vector<int64_t> values(static_cast<size_t>(job % 13 + 1), 0);
      parl::parallelFor(static_cast<int64_t>(values.size()), 1, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) values[static_cast<size_t>(i)] += job;
      });
      for (const int64_t value : values) *right = *right && value == job;
    }
  };
  bool right = false, otherRight = false;
  std::thread other(sums, 100000, &otherRight);
  sums(0, &right);
  other.join();
  CHECK(right && otherRight);
  parl::setThreadCount(2);
}
