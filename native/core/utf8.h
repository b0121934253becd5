// UTF-16, as JavaScript holds its strings, to UTF-8.
#pragma once

#include <cstddef>
#include <string_view>

namespace parl {

// Room that a text of so many units needs: a pair of surrogates takes four bytes, any other unit three at most.
inline size_t utf8Room(size_t units) { return 3 * units; }

// Writes a text to out, which has its room, and returns the bytes written. A surrogate without its other half becomes U+FFFD, as in
// every encoder of the web.
size_t toUtf8(std::u16string_view text, char* out);

}  // namespace parl
