#include "core/utf8.h"

#include <string>

#include "check.h"

TEST(utf8_of_utf16) {
  const auto of = [](std::u16string_view text) {
    std::string out(parl::utf8Room(text.size()), '?');
    out.resize(parl::toUtf8(text, out.data()));
    return out;
  };
  CHECK(of(u"") == "");
  CHECK(of(u"a\u00e9\u20ac\U0001F600\uffff") == "a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\xef\xbf\xbf");
  const std::string replacement = "\xef\xbf\xbd";
  const char16_t high = 0xD83D, low = 0xDE00;
  CHECK(of(std::u16string{high}) == replacement);
  CHECK(of(std::u16string{low, high}) == replacement + replacement);
  CHECK(of(std::u16string{high, u'x', high, low}) == replacement + "x\xf0\x9f\x98\x80");
  // At every place of the runs that are looked at together, ends included.
  for (size_t length = 0; length <= 100; ++length) {
    const std::u16string plain(length, u'y');
    CHECK(of(plain) == std::string(length, 'y'));
    for (size_t at = 0; at <= length; ++at) {
      std::u16string text = plain;
      text.insert(at, u"\U0001F600");
      CHECK(of(text) == std::string(at, 'y') + "\xf0\x9f\x98\x80" + std::string(length - at, 'y'));
    }
  }
}
