#include "core/utf8.h"

#include <cstdint>
#include <cstring>

namespace parl {
namespace {

constexpr size_t kRun = 32;  // characters that are looked at together

bool isAscii(const char16_t* text) {
  uint64_t words[kRun / 4], all = 0;
  std::memcpy(words, text, sizeof words);
  for (const uint64_t word : words) all |= word;
  return (all & 0xFF80FF80FF80FF80u) == 0;
}

char* put(char* to, uint32_t point) {
  if (point < 0x80) {
    *to++ = static_cast<char>(point);
  } else if (point < 0x800) {
    *to++ = static_cast<char>(0xC0 | point >> 6);
    *to++ = static_cast<char>(0x80 | (point & 0x3F));
  } else if (point < 0x10000) {
    *to++ = static_cast<char>(0xE0 | point >> 12);
    *to++ = static_cast<char>(0x80 | (point >> 6 & 0x3F));
    *to++ = static_cast<char>(0x80 | (point & 0x3F));
  } else {
    *to++ = static_cast<char>(0xF0 | point >> 18);
    *to++ = static_cast<char>(0x80 | (point >> 12 & 0x3F));
    *to++ = static_cast<char>(0x80 | (point >> 6 & 0x3F));
    *to++ = static_cast<char>(0x80 | (point & 0x3F));
  }
  return to;
}

bool isHigh(char16_t unit) { return unit >= 0xD800 && unit < 0xDC00; }
bool isLow(char16_t unit) { return unit >= 0xDC00 && unit < 0xE000; }

}  // namespace

size_t toUtf8(std::u16string_view text, char* out) {
  const char16_t* from = text.data();
  const char16_t* const end = from + text.size();
  char* to = out;
  while (from < end) {
    if (static_cast<size_t>(end - from) >= kRun && isAscii(from)) {
      for (size_t i = 0; i < kRun; ++i) to[i] = static_cast<char>(from[i]);
      from += kRun;
      to += kRun;
      continue;
    }
    const char16_t* const stop = static_cast<size_t>(end - from) < kRun ? end : from + kRun;
    while (from < stop) {
      const char16_t unit = *from++;
      if (isHigh(unit) && from < end && isLow(*from)) {
        to = put(to, 0x10000 + ((static_cast<uint32_t>(unit) - 0xD800) << 10) + (static_cast<uint32_t>(*from++) - 0xDC00));
      } else {
        to = put(to, isHigh(unit) || isLow(unit) ? 0xFFFD : unit);
      }
    }
  }
  return static_cast<size_t>(to - out);
}

}  // namespace parl
