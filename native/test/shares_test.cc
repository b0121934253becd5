#include "core/shares.h"

#include "check.h"

TEST(shares_are_taken_the_longest_first_and_equal_ones_in_their_order) {
  CHECK((parl::longestFirst(std::vector<int64_t>{3, 9, 3, 1, 9}) == std::vector<size_t>{1, 4, 0, 2, 3}));
  CHECK(parl::longestFirst({}).empty());
}

TEST(shares_are_balanced_where_no_thread_has_a_quarter_more_than_its_own) {
  CHECK(parl::isBalanced(std::vector<int64_t>{5, 5, 5, 5}, 2));
  CHECK(parl::isBalanced(std::vector<int64_t>{10, 3, 3, 4}, 2));
  CHECK(parl::isBalanced(std::vector<int64_t>{5, 3}, 2));    // 5 of 8: exactly a quarter more than 4
  CHECK(!parl::isBalanced(std::vector<int64_t>{51, 29}, 2));
  CHECK(!parl::isBalanced(std::vector<int64_t>{7}, 2));
  CHECK(parl::isBalanced(std::vector<int64_t>{7}, 1));
  CHECK(parl::isBalanced({}, 4));
}
