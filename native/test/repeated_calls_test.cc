#include "core/repeated_calls.h"

#include <string>
#include <vector>

#include "check.h"
#include "core/text_hash.h"

TEST(text_hash_published_vectors) {
  // From the xxHash specification's and its implementations' tests, seed 0.
  const auto hash = [](const std::string& text) { return parl::textHash(text.data(), text.size()); };
  CHECK(hash("") == 0xEF46DB3751D8E999ull);
  CHECK(hash("a") == 0xD24EC4F1A98C6E5Bull);
  CHECK(hash("abc") == 0x44BC2CF5AD770999ull);
  CHECK(hash("Nobody inspects the spammish repetition") == 0xFBCEA83C8A378BF1ull);
}

TEST(repeated_calls_rules) {
  // One trajectory: read, read again (same state), write, read (state changed), failing call, the same failing after a
  // change of state, the same succeeding. A second trajectory starts with no past.
  const uint64_t read = 7, write = ~uint64_t{0}, broken = 9;
  const std::vector<uint64_t> hashes = {read, read, write, read, broken, broken, broken, read};
  const std::vector<int32_t> versions = {0, 0, 0, 1, 1, 2, 3, 0};
  const std::vector<uint8_t> failed = {0, 0, 0, 0, 1, 255, 0, 0};
  const std::vector<int32_t> offsets = {0, 7, 7, 8};
  std::vector<uint8_t> out(8, 9);
  parl::repeatedCalls(hashes, versions, failed, offsets, out);
  CHECK((out == std::vector<uint8_t>{0, 1, 0, 0, 0, 1, 0, 0}));
}
