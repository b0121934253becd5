// parl_tests ISA: runs every test on one instruction set; exit code 77 when the CPU lacks it.
#include <cstring>

#include "check.h"
#include "core/isa.h"

namespace parl::test {
std::vector<Case>& cases() {
  static std::vector<Case> all;
  return all;
}
int& failures() {
  static int count = 0;
  return count;
}
}  // namespace parl::test

int main(int argc, char** argv) {
  const char* wanted = argc > 1 ? argv[1] : "portable";
  for (parl::Isa isa : {parl::Isa::portable, parl::Isa::avx2, parl::Isa::avx512}) {
    if (std::strcmp(wanted, parl::isaName(isa)) == 0 && !parl::setActiveIsa(isa)) {
      std::printf("%s: skipped, this CPU does not have it\n", wanted);
      return 77;
    }
  }
  int failed = 0;
  for (const auto& test : parl::test::cases()) {
    const int before = parl::test::failures();
    test.run();
    const bool ok = parl::test::failures() == before;
    if (!ok) std::printf("FAILED %s (%s)\n", test.name, wanted);
    failed += ok ? 0 : 1;
  }
  std::printf("%s: %d passed, %d failed\n", wanted, static_cast<int>(parl::test::cases().size()) - failed, failed);
  return failed == 0 ? 0 : 1;
}
