#include "core/isa.h"

#include <atomic>

namespace parl {

bool isaSupported(Isa isa) {
  if (isa == Isa::portable) return true;
#ifdef PARL_X86
  __builtin_cpu_init();
  const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi2");
  if (isa == Isa::avx2) return avx2;
  return avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq");
#else
  return false;
#endif
}

Isa bestIsa() {
  if (isaSupported(Isa::avx512)) return Isa::avx512;
  if (isaSupported(Isa::avx2)) return Isa::avx2;
  return Isa::portable;
}

namespace {
std::atomic<Isa>& active() {
  static std::atomic<Isa> isa{bestIsa()};
  return isa;
}
}  // namespace

Isa activeIsa() { return active().load(std::memory_order_relaxed); }

bool setActiveIsa(Isa isa) {
  if (!isaSupported(isa)) return false;
  active().store(isa, std::memory_order_relaxed);
  return true;
}

const char* isaName(Isa isa) {
  switch (isa) {
    case Isa::avx512: return "avx512";
    case Isa::avx2: return "avx2";
    case Isa::portable: return "portable";
  }
  return "unknown";
}

}  // namespace parl
