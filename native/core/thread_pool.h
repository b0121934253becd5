// A pool of threads for work that is partitioned the same way whoever does it.
//
// Which thread computes an element never changes how it is computed: kernels partition over *outputs*, and every
// output is one sequence of operations. So results do not depend on the number of threads.
#pragma once

#include <atomic>
#include <cstdint>
#include <type_traits>

namespace parl {

int threadCount();
void setThreadCount(int count);  // clamped to [1, 256]; takes effect at the next parallelFor

using RangeFunction = void (*)(void* context, int64_t begin, int64_t end);

// Calls fn on disjoint ranges that cover [0, count), at most eight for each thread and of at least `grain` items.
// A free thread takes the next range, so one thread may get several: on a busy machine, where workers wait for a
// processor, the caller does their share instead of waiting with them.
// Returns when all are done. A call from inside a range runs alone, on the calling thread. Never throws.
void parallelRanges(int64_t count, int64_t grain, RangeFunction fn, void* context);

// The same for a callable f(begin, end).
template <typename F>
void parallelFor(int64_t count, int64_t grain, F&& f) {
  parallelRanges(
      count, grain, [](void* context, int64_t begin, int64_t end) { (*static_cast<std::remove_reference_t<F>*>(context))(begin, end); },
      const_cast<void*>(static_cast<const void*>(&f)));
}

// Calls f(i, worker) for every i in [0, count), one at a time and in ascending order as threads get free: for long items of unequal length.
// Of the calls for one worker, below `workers`, one runs at a time: what it keeps between them is its own.
template <typename F>
void parallelEach(int64_t count, F&& f, int64_t workers = threadCount()) {
  std::atomic<int64_t> next{0};
  parallelFor(workers, 1, [&](int64_t begin, int64_t end) {
    for (int64_t worker = begin; worker < end; ++worker) {
      for (int64_t i = next++; i < count; i = next++) f(i, worker);
    }
  });
}

}  // namespace parl
