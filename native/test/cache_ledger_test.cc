#include "core/cache_ledger.h"

#include "check.h"

using parl::CacheLedger;

TEST(cache_ledger_hands_out_whole_panels_within_its_budget) {
  CacheLedger ledger(3, 100);
  CHECK(ledger.budget() == 96 && ledger.free() == 96);
  CHECK(CacheLedger::rounded(0) == 0 && CacheLedger::rounded(1) == 32 && CacheLedger::rounded(32) == 32 && CacheLedger::rounded(33) == 64);
  ledger.reserve(0, 33);
  CHECK(ledger.reserved(0) == 64 && ledger.free() == 32);
  CHECK(ledger.hasRoom(1, 32) && !ledger.hasRoom(1, 33) && ledger.hasRoom(0, 96) && !ledger.hasRoom(0, 97));
  ledger.reserve(0, 5);
  CHECK(ledger.free() == 64);
}

TEST(cache_ledger_counts_what_idle_slots_could_give) {
  CacheLedger ledger(3, 96);
  ledger.reserve(0, 64);
  ledger.reserve(1, 32);
  CHECK(!ledger.hasRoom(2, 1) && ledger.canHaveRoom(2, 96) && !ledger.canHaveRoom(2, 97));
  ledger.setBusy(0, true);
  CHECK(ledger.canHaveRoom(2, 32) && !ledger.canHaveRoom(2, 33) && ledger.canHaveRoom(1, 32));
}

TEST(cache_ledger_names_the_slot_that_was_busy_longest_ago) {
  CacheLedger ledger(3, 96);
  CHECK(ledger.oldestIdle(false) == 0 && ledger.oldestIdle(true) == -1);
  for (const int slot : {1, 0, 2}) {
    ledger.setBusy(slot, true);
    ledger.setBusy(slot, false);
  }
  ledger.reserve(0, 1);
  CHECK(ledger.oldestIdle(false) == 1 && ledger.oldestIdle(true) == 0);
  ledger.setBusy(1, true);
  CHECK(ledger.oldestIdle(false) == 0);
}
