#include "core/isa.h"

#include "check.h"

TEST(isa_unsupported_choice_changes_nothing) {
  const parl::Isa before = parl::activeIsa();
  for (parl::Isa isa : {parl::Isa::portable, parl::Isa::avx2, parl::Isa::avx512}) {
    CHECK(parl::setActiveIsa(isa) == parl::isaSupported(isa));
    parl::setActiveIsa(before);
  }
  CHECK(parl::activeIsa() == before);
}
