// Instruction sets: what the CPU has, which one is used, and how a kernel is called through the choice.
#pragma once

namespace parl {

enum class Isa { portable, avx2, avx512 };

bool isaSupported(Isa isa);  // the CPU (and this build) can run it
Isa bestIsa();               // the widest supported one
Isa activeIsa();             // the one in use: bestIsa() until setActiveIsa()
bool setActiveIsa(Isa isa);  // false, and nothing changed, when not supported
const char* isaName(Isa isa);

}  // namespace parl

// Declares a kernel in the namespace of every ISA of this build: PARL_KERNEL(void, scale, (float* x, long n, float by)).
#ifdef PARL_X86
#define PARL_KERNEL(Ret, name, Args) \
  namespace portable { Ret name Args; } \
  namespace avx2 { Ret name Args; } \
  namespace avx512 { Ret name Args; }
// The active ISA's version of a kernel, as a function: PARL_DISPATCH(scale)(x, n, 2.0f).
#define PARL_DISPATCH(name) \
  (::parl::activeIsa() == ::parl::Isa::avx512 ? &::parl::avx512::name \
   : ::parl::activeIsa() == ::parl::Isa::avx2 ? &::parl::avx2::name \
                                              : &::parl::portable::name)
#else
#define PARL_KERNEL(Ret, name, Args) \
  namespace portable { Ret name Args; }
#define PARL_DISPATCH(name) (&::parl::portable::name)
#endif
