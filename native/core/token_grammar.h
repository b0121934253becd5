// Which tokens may come next so that a text keeps to a grammar.
//
// A grammar is a set of nondeterministic automata over bytes that call each other (a recursive transition network). Where a text
// stands is a set of (state, stack of return states), and such sets get numbers as they are met: a deterministic automaton that is
// built while it is used. The mask of a set is found by walking all tokens at once, as a tree of their bytes, and remembered.
// @see Willard, Louf, arXiv:2307.09702 (index by state); Dong et al., arXiv:2411.15100 (pushdown, stacks that share their ends).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <unordered_map>
#include <vector>

namespace parl {

// An arrow of a grammar. State 0 is where a text begins.
struct GrammarEdge {
  enum Kind : int32_t {
    empty = 0,  // to `to`
    bytes = 1,  // on a byte in [first, last], to `to`
    call = 2,   // into the automaton that begins at state `first`, and back to `to`
    leave = 3,  // ends an automaton: back to where it was called; at the outermost level the text may end
  };
  int32_t from, kind, first, last, to;
};

// The bytes of a vocabulary's tokens as a tree, in depth-first order.
class TokenTree {
 public:
  // Token i spells bytes[offsets[i], offsets[i + 1]); one that spells nothing is never allowed.
  TokenTree(std::span<const uint8_t> bytes, std::span<const int32_t> offsets);

  int64_t vocabSize() const { return static_cast<int64_t>(offsets_.size()) - 1; }
  std::span<const uint8_t> bytesOf(int32_t token) const {
    const auto begin = static_cast<size_t>(offsets_[static_cast<size_t>(token)]);
    return std::span<const uint8_t>(bytes_).subspan(begin, static_cast<size_t>(offsets_[static_cast<size_t>(token) + 1]) - begin);
  }

  struct Node {
    uint8_t byte;
    int32_t depth;       // of the first byte: 0
    int32_t next;        // first node behind this one's descendants
    int32_t tokensFrom;  // tokens that end here: tokens()[tokensFrom, of the next node)
  };
  std::span<const Node> nodes() const { return std::span<const Node>(nodes_).first(nodes_.size() - 1); }
  std::span<const int32_t> tokensAt(size_t node) const {
    const auto from = static_cast<size_t>(nodes_[node].tokensFrom);
    return std::span<const int32_t>(tokens_).subspan(from, static_cast<size_t>(nodes_[node + 1].tokensFrom) - from);
  }
  int32_t maxDepth() const { return maxDepth_; }

 private:
  std::vector<uint8_t> bytes_;
  std::vector<int32_t> offsets_;
  std::vector<Node> nodes_;  // and one behind the last
  std::vector<int32_t> tokens_;
  int32_t maxDepth_ = 0;
};

// Safe to use from several threads; one at a time computes.
class TokenGrammar {
 public:
  // Edges must have states >= 0. Throws std::length_error for a grammar that calls itself before it reads a byte.
  TokenGrammar(std::shared_ptr<const TokenTree> tree, std::span<const GrammarEdge> edges);

  // A place in a text that keeps to the grammar; valid for the life of the object.
  using Place = int32_t;
  static constexpr Place kNowhere = -1;

  Place start() const { return 1; }
  bool has(Place place);
  // Behind a token; kNowhere where it may not come.
  Place advance(Place place, int32_t token);
  Place advanceBytes(Place place, std::span<const uint8_t> bytes);
  // Whether the text may end here.
  bool mayEnd(Place place);
  // Bit t % 32 of word t / 32: whether token t may come. [ceil(vocabSize / 32)]
  void mask(Place place, std::span<uint32_t> out);
  int64_t vocabSize() const { return tree_->vocabSize(); }

 private:
  struct Thread {  // of the nondeterministic automaton
    int32_t state, stack;
    bool operator==(const Thread&) const = default;
    auto operator<=>(const Thread&) const = default;
  };
  using Row = std::array<Place, 256>;

  Place placeOf(std::vector<Thread> threads);
  Place step(Place place, uint8_t byte);
  void follow(Thread thread, std::vector<Thread>& found, bool& mayEnd, int depth);
  int32_t push(int32_t state, int32_t stack);

  std::shared_ptr<const TokenTree> tree_;
  std::vector<GrammarEdge> edges_;
  std::vector<int32_t> edgesFrom_;  // of a state: edges_[edgesFrom_[s], edgesFrom_[s + 1])
  std::vector<std::pair<int32_t, int32_t>> stacks_;  // return state, the stack below; 0 is the empty one
  std::map<std::pair<int32_t, int32_t>, int32_t> stackIds_;
  std::vector<std::vector<Thread>> places_;  // threads that wait for a byte; 0 is nowhere
  std::vector<bool> mayEnd_;
  std::map<std::pair<std::vector<Thread>, bool>, Place> placeIds_;
  std::vector<std::unique_ptr<Row>> rows_;
  size_t rowCount_ = 0;
  std::unordered_map<Place, std::vector<uint32_t>> masks_;
  std::mutex mutex_;
};

}  // namespace parl
