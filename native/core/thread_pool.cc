#include "core/thread_pool.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace parl {
namespace {

thread_local bool insideRange = false;

// Workers wait by spinning, then sleep on a condition variable. The kernels of a training step follow each other within microseconds,
// but what a caller does between two short works (JavaScript, a file) takes some hundred, and to be woken costs 30 to 100: with a wait of
// 50 us a whole GRPO over 1024 x 1024 tokens took 0.21 ms, with 1 ms 0.10 (OpenMP's threads wait about as long).
constexpr auto kSpinTime = std::chrono::milliseconds(1);
constexpr int kSpinsPerLook = 64;      // at the clock
constexpr int kSpinsBeforeYield = 4000;  // of a caller that waits for the last parts
constexpr int kPartsPerThread = 8;

inline void pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

// A job is cut into parts, several for each thread. Thread i begins with the i-th share of them, since what it touched last is in
// its cache, and then takes any part that nobody has begun: so the caller never waits for a worker that the system has not given a
// processor, and a worker that wakes up late still finds something to do.
// Which thread takes a part changes no result.
class Pool {
 public:
  explicit Pool(int threads) : threads_(threads), taken_(static_cast<size_t>(threads * kPartsPerThread)) {
    for (int i = 1; i < threads; ++i) workers_.emplace_back([this, i] { work(i); });
  }

  ~Pool() {
    {
      std::lock_guard lock(mutex_);
      stopping_ = true;
      publish(0);
    }
    wake_.notify_all();
    for (auto& worker : workers_) worker.join();
  }

  int threads() const { return threads_; }

  void run(int64_t count, int64_t grain, RangeFunction fn, void* context) {
    const int64_t most = grain > 0 ? std::max<int64_t>(1, count / grain) : count;
    const int parts = static_cast<int>(std::min<int64_t>(threads_ * kPartsPerThread, most));
    {
      std::lock_guard lock(mutex_);
      fn_ = fn;
      context_ = context;
      count_ = count;
      done_.store(0, std::memory_order_relaxed);
      publish(parts);
    }
    if (sleeping_.load(std::memory_order_seq_cst) > 0) wake_.notify_all();
    takeParts(0, generation(), parts);
    for (int spins = 0; done_.load(std::memory_order_acquire) < parts; ++spins) {
      pause();
      if (spins > kSpinsBeforeYield) std::this_thread::yield();
    }
  }

 private:
  // The ticket holds a job's generation (48 bits) and its number of parts (16), so that both are read at once.
  void publish(int parts) {
    ticket_.store((generation() + 1) << 16 | static_cast<uint64_t>(parts), std::memory_order_seq_cst);
  }
  uint64_t generation() const { return ticket_.load(std::memory_order_seq_cst) >> 16; }

  // taken_[part] is the generation that the part was last taken in. A worker that comes late, with the generation and the
  // parts of a job that has ended, finds each of them taken. Once a part is taken its job cannot end, and the next one not
  // begin, before the part is done: until then fn_ and the other fields stay as they are.
  bool take(int part, uint64_t generation) {
    std::atomic<uint64_t>& last = taken_[static_cast<size_t>(part)];
    uint64_t before = last.load(std::memory_order_acquire);
    return before < generation &&
           last.compare_exchange_strong(before, generation, std::memory_order_acq_rel, std::memory_order_acquire);
  }

  void takeParts(int first, uint64_t generation, int parts) {
    for (int i = 0; i < parts; ++i) {
      const int part = (first + i) % parts;
      if (!take(part, generation)) continue;
      const int64_t begin = count_ * part / parts;
      const int64_t end = count_ * (part + 1) / parts;
      insideRange = true;
      if (begin < end) fn_(context_, begin, end);
      insideRange = false;
      done_.fetch_add(1, std::memory_order_release);
    }
  }

  // Whether a job after `seen` comes within the time that is worth waiting.
  bool isSpinningRewarded(uint64_t seen) const {
    const auto end = std::chrono::steady_clock::now() + kSpinTime;
    do {
      for (int i = 0; i < kSpinsPerLook; ++i) {
        if (generation() != seen) return true;
        pause();
      }
    } while (std::chrono::steady_clock::now() < end);
    return false;
  }

  void work(int own) {
    uint64_t seen = 0;
    for (;;) {
      if (!isSpinningRewarded(seen)) {
        std::unique_lock lock(mutex_);
        sleeping_.fetch_add(1, std::memory_order_seq_cst);
        wake_.wait(lock, [&] { return generation() != seen; });
        sleeping_.fetch_sub(1, std::memory_order_seq_cst);
      }
      const uint64_t ticket = ticket_.load(std::memory_order_seq_cst);
      seen = ticket >> 16;
      if (stopping_.load(std::memory_order_acquire)) return;
      const int parts = static_cast<int>(ticket & 0xffff);
      takeParts(own * parts / threads_, seen, parts);
    }
  }

  const int threads_;
  std::vector<std::atomic<uint64_t>> taken_;
  std::vector<std::thread> workers_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::atomic<uint64_t> ticket_{0};
  std::atomic<int> done_{0};
  std::atomic<int> sleeping_{0};
  std::atomic<bool> stopping_{false};
  RangeFunction fn_ = nullptr;
  void* context_ = nullptr;
  int64_t count_ = 0;
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
