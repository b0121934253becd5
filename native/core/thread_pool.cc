#include "core/thread_pool.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace parl {
namespace {

thread_local bool insideRange = false;

// Workers wait a short while by spinning, since the kernels of one training step follow each other within
// microseconds, then sleep on a condition variable.
constexpr int kSpins = 4000;

inline void pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

class Pool {
 public:
  explicit Pool(int threads) : threads_(threads) {
    for (int i = 1; i < threads; ++i) workers_.emplace_back([this, i] { work(i); });
  }

  ~Pool() {
    {
      std::lock_guard lock(mutex_);
      stopping_ = true;
      generation_.fetch_add(1, std::memory_order_release);
    }
    wake_.notify_all();
    for (auto& worker : workers_) worker.join();
  }

  int threads() const { return threads_; }

  void run(int64_t count, int64_t grain, RangeFunction fn, void* context) {
    const int64_t most = grain > 0 ? std::max<int64_t>(1, count / grain) : count;
    const int parts = static_cast<int>(std::min<int64_t>(threads_, most));
    {
      std::lock_guard lock(mutex_);
      fn_ = fn;
      context_ = context;
      count_ = count;
      parts_ = parts;
      pending_.store(static_cast<int>(workers_.size()), std::memory_order_relaxed);
      generation_.fetch_add(1, std::memory_order_release);
    }
    if (sleeping_.load(std::memory_order_seq_cst) > 0) wake_.notify_all();
    runPart(0);
    for (int spins = 0; pending_.load(std::memory_order_acquire) > 0; ++spins) {
      pause();
      if (spins > kSpins) std::this_thread::yield();
    }
  }

 private:
  void runPart(int part) {
    if (part >= parts_) return;
    const int64_t begin = count_ * part / parts_;
    const int64_t end = count_ * (part + 1) / parts_;
    insideRange = true;
    if (begin < end) fn_(context_, begin, end);
    insideRange = false;
  }

  void work(int part) {
    uint64_t seen = 0;
    for (;;) {
      int spins = 0;
      while (generation_.load(std::memory_order_acquire) == seen && spins++ < kSpins) pause();
      if (generation_.load(std::memory_order_acquire) == seen) {
        std::unique_lock lock(mutex_);
        sleeping_.fetch_add(1, std::memory_order_seq_cst);
        wake_.wait(lock, [&] { return generation_.load(std::memory_order_acquire) != seen; });
        sleeping_.fetch_sub(1, std::memory_order_seq_cst);
      }
      seen = generation_.load(std::memory_order_acquire);
      if (stopping_) return;
      runPart(part);
      pending_.fetch_sub(1, std::memory_order_release);
    }
  }

  const int threads_;
  std::vector<std::thread> workers_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::atomic<uint64_t> generation_{0};
  std::atomic<int> pending_{0};
  std::atomic<int> sleeping_{0};
  bool stopping_ = false;
  RangeFunction fn_ = nullptr;
  void* context_ = nullptr;
  int64_t count_ = 0;
  int parts_ = 0;
};

std::mutex poolMutex;  // one parallel region at a time: callers from other threads queue here
std::unique_ptr<Pool> pool;
std::atomic<int> wantedThreads{static_cast<int>(std::max(1u, std::thread::hardware_concurrency()))};

}  // namespace

int threadCount() { return wantedThreads.load(); }

void setThreadCount(int count) { wantedThreads.store(std::clamp(count, 1, 256)); }

void parallelRanges(int64_t count, int64_t grain, RangeFunction fn, void* context) {
  if (count <= 0) return;
  if (insideRange || wantedThreads.load() == 1 || (grain > 0 && count < 2 * grain)) {
    fn(context, 0, count);
    return;
  }
  std::lock_guard lock(poolMutex);
  if (!pool || pool->threads() != wantedThreads.load()) {
    pool.reset();
    pool = std::make_unique<Pool>(wantedThreads.load());
  }
  pool->run(count, grain, fn, context);
}

}  // namespace parl
