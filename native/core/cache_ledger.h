// Who holds how much of a bounded cache of keys and values. Tokens are handed out in whole key panels.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace parl {

class CacheLedger {
 public:
  // budget: tokens that all slots may hold together, rounded down to panels.
  CacheLedger(int64_t slots, int64_t budget);

  // Tokens that a sequence of `tokens` takes.
  static int64_t rounded(int64_t tokens);

  int64_t budget() const { return budget_; }
  int64_t free() const { return budget_ - used_; }
  int64_t reserved(int slot) const { return entries_[static_cast<size_t>(slot)].reserved; }

  // Whether a slot could grow to `tokens` (or shrink to them) as things are.
  bool hasRoom(int slot, int64_t tokens) const { return rounded(tokens) - reserved(slot) <= free(); }
  // Whether it could if all other idle slots gave up what they hold.
  bool canHaveRoom(int slot, int64_t tokens) const;
  // Makes a slot hold `tokens`; hasRoom() must hold.
  void reserve(int slot, int64_t tokens);

  // Busy slots belong to running sequences. An idle one keeps what it has until somebody needs the room.
  bool isBusy(int slot) const { return entries_[static_cast<size_t>(slot)].busy; }
  void setBusy(int slot, bool busy);

  // The idle slot that was busy longest ago; with `holding`, of those that hold anything. -1 where there is none.
  int oldestIdle(bool holding) const;

 private:
  struct Entry {
    int64_t reserved = 0;
    uint64_t lastUse = 0;
    bool busy = false;
  };
  std::vector<Entry> entries_;
  int64_t budget_, used_ = 0;
  uint64_t clock_ = 0;
};

}  // namespace parl
