#include "core/token_grammar.h"

#include <stdexcept>
#include <string>

#include "check.h"

using parl::GrammarEdge;
using parl::TokenGrammar;
using parl::TokenTree;

namespace {

std::shared_ptr<const TokenTree> treeOf(const std::vector<std::string>& tokens) {
  std::vector<uint8_t> bytes;
  std::vector<int32_t> offsets{0};
  for (const std::string& token : tokens) {
    bytes.insert(bytes.end(), token.begin(), token.end());
    offsets.push_back(static_cast<int32_t>(bytes.size()));
  }
  return std::make_shared<const TokenTree>(bytes, offsets);
}
GrammarEdge on(int32_t from, char first, char last, int32_t to) { return {from, GrammarEdge::bytes, first, last, to}; }
std::string allowed(TokenGrammar& grammar, TokenGrammar::Place place) {
  std::vector<uint32_t> words(static_cast<size_t>((grammar.vocabSize() + 31) / 32));
  grammar.mask(place, words);
  std::string list;
  for (int32_t token = 0; token < grammar.vocabSize(); ++token) {
    if (words[static_cast<size_t>(token) / 32] >> (token % 32) & 1u) list += std::to_string(token) + " ";
  }
  return list;
}

}  // namespace

TEST(token_tree_is_in_depth_first_order) {
  const auto tree = treeOf({"ab", "", "a", "b", "ab", "abc"});
  // Nodes a, ab, abc, b.
  CHECK(tree->nodes().size() == 4 && tree->maxDepth() == 3);
  CHECK(tree->nodes()[0].byte == 'a' && tree->nodes()[0].next == 3 && tree->nodes()[2].depth == 2 && tree->nodes()[3].byte == 'b');
  CHECK(tree->tokensAt(0).size() == 1 && tree->tokensAt(0)[0] == 2);
  CHECK(tree->tokensAt(1).size() == 2 && tree->tokensAt(1)[0] == 0 && tree->tokensAt(1)[1] == 4);
  CHECK(tree->tokensAt(2)[0] == 5 && tree->tokensAt(3)[0] == 3);
}

// Nested brackets: 0 -call 1-> end; 1 -(-> 2 -call 1-> 3 -)-> 4 leave; 1 leaves too.
TEST(token_grammar_counts_brackets_with_its_stack) {
  const std::vector<GrammarEdge> edges{{0, GrammarEdge::call, 1, 0, 5}, {5, GrammarEdge::leave, 0, 0, 0}, on(1, '(', '(', 2),
                                       {2, GrammarEdge::call, 1, 0, 3}, on(3, ')', ')', 4),               {4, GrammarEdge::leave, 0, 0, 0},
                                       {1, GrammarEdge::leave, 0, 0, 0}};
  TokenGrammar grammar(treeOf({"(", ")", "((", "))", ")))", "()", "x"}), edges);
  CHECK(grammar.mayEnd(grammar.start()));
  CHECK(allowed(grammar, grammar.start()) == "0 2 5 ");
  const auto two = grammar.advance(grammar.start(), 2);
  CHECK(!grammar.mayEnd(two) && allowed(grammar, two) == "0 1 2 3 5 ");
  const auto none = grammar.advance(two, 3);
  CHECK(grammar.mayEnd(none) && allowed(grammar, none).empty());
  CHECK(grammar.advance(two, 4) == TokenGrammar::kNowhere && grammar.advance(two, 6) == TokenGrammar::kNowhere);
  // The same place whatever way leads there.
  CHECK(grammar.advance(grammar.advance(grammar.start(), 0), 0) == two);
}

TEST(token_grammar_follows_all_ways_and_forgets_what_it_can_compute_again) {
  // (a|ab)c* : after "ab" both ways are open until a c comes.
  const std::vector<GrammarEdge> edges{on(0, 'a', 'a', 1), on(0, 'a', 'a', 2), on(2, 'b', 'b', 1), on(1, 'c', 'c', 1), {1, GrammarEdge::leave, 0, 0, 0}};
  TokenGrammar grammar(treeOf({"a", "b", "c", "ab", "abc", "bc", "d"}), edges);
  CHECK(allowed(grammar, grammar.start()) == "0 3 4 ");
  CHECK(allowed(grammar, grammar.advance(grammar.start(), 0)) == "1 2 5 ");
  CHECK(allowed(grammar, grammar.advance(grammar.start(), 3)) == "2 ");
  CHECK(!grammar.has(0) && !grammar.has(1000) && grammar.has(grammar.start()));
}

TEST(token_grammar_refuses_to_call_itself_without_a_byte) {
  const std::vector<GrammarEdge> edges{{0, GrammarEdge::call, 0, 0, 1}, on(1, 'a', 'a', 1)};
  bool isRefused = false;
  try {
    const TokenGrammar grammar(treeOf({"a"}), edges);
  } catch (const std::length_error&) {
    isRefused = true;
  }
  CHECK(isRefused);
}
