#include "core/cache_ledger.h"

#include "core/attention.h"

namespace parl {

CacheLedger::CacheLedger(int64_t slots, int64_t budget)
    : entries_(static_cast<size_t>(slots)), budget_(budget / kKeyPanel * kKeyPanel) {}

int64_t CacheLedger::rounded(int64_t tokens) { return (tokens + kKeyPanel - 1) / kKeyPanel * kKeyPanel; }

bool CacheLedger::canHaveRoom(int slot, int64_t tokens) const {
  int64_t room = free() + reserved(slot);
  for (size_t s = 0; s < entries_.size(); ++s) {
    if (!entries_[s].busy && static_cast<int>(s) != slot) room += entries_[s].reserved;
  }
  return rounded(tokens) <= room;
}

void CacheLedger::reserve(int slot, int64_t tokens) {
  Entry& entry = entries_[static_cast<size_t>(slot)];
  used_ += rounded(tokens) - entry.reserved;
  entry.reserved = rounded(tokens);
}

void CacheLedger::setBusy(int slot, bool busy) {
  Entry& entry = entries_[static_cast<size_t>(slot)];
  entry.busy = busy;
  entry.lastUse = ++clock_;
}

int CacheLedger::oldestIdle(bool holding) const {
  int found = -1;
  for (size_t s = 0; s < entries_.size(); ++s) {
    const Entry& entry = entries_[s];
    if (entry.busy || (holding && entry.reserved == 0)) continue;
    if (found < 0 || entry.lastUse < entries_[static_cast<size_t>(found)].lastUse) found = static_cast<int>(s);
  }
  return found;
}

}  // namespace parl
