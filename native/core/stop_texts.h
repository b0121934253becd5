// Texts that end a sequence wherever they occur in what it says, across the borders of its tokens.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace parl {

struct StopTexts {
  std::vector<std::string> texts{};     // bytes, none empty
  std::vector<uint8_t> tokenBytes{};    // the bytes of all tokens, one behind the other
  std::vector<int32_t> tokenOffsets{};  // [vocab + 1]

  bool active() const { return !texts.empty(); }

  // Appends a token to the end of what was said and finds the stop text that is complete now: the one that begins first, of
  // those the first of the list. -1 when there is none. `tail` is a sequence's own, empty at first; it keeps only as much as
  // the longest stop text needs.
  int find(int32_t token, std::string& tail) const {
    const auto begin = static_cast<size_t>(tokenOffsets[static_cast<size_t>(token)]);
    const auto end = static_cast<size_t>(tokenOffsets[static_cast<size_t>(token) + 1]);
    const size_t known = tail.size();
    tail.append(tokenBytes.begin() + static_cast<std::ptrdiff_t>(begin), tokenBytes.begin() + static_cast<std::ptrdiff_t>(end));
    int found = -1;
    size_t first = std::string::npos, longest = 1;
    for (size_t i = 0; i < texts.size(); ++i) {
      const size_t size = texts[i].size();
      longest = longest < size ? size : longest;
      // What was there before the token was searched before: only what ends in the token is new.
      const size_t at = tail.find(texts[i], known >= size ? known - size + 1 : 0);
      if (at != std::string::npos && (found < 0 || at < first)) {
        found = static_cast<int>(i);
        first = at;
      }
    }
    if (tail.size() > longest - 1) tail.erase(0, tail.size() - (longest - 1));
    return found;
  }
};

}  // namespace parl
