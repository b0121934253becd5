#include "core/token_grammar.h"

#include <algorithm>
#include <numeric>
#include <stdexcept>

namespace parl {
namespace {

constexpr size_t kMaxRows = 32768;  // of 1 KiB; then all are forgotten, and computed again as they are needed
constexpr size_t kMaxMasks = 4096;  // of vocabSize / 8 bytes; the same
constexpr int kMaxCalls = 1000;     // in a row without a byte between them
constexpr TokenGrammar::Place kUnknown = -2;

}  // namespace

TokenTree::TokenTree(std::span<const uint8_t> bytes, std::span<const int32_t> offsets)
    : bytes_(bytes.begin(), bytes.end()), offsets_(offsets.begin(), offsets.end()) {
  std::vector<int32_t> order;
  for (int32_t token = 0; token < static_cast<int32_t>(vocabSize()); ++token) {
    if (!bytesOf(token).empty()) order.push_back(token);
  }
  std::stable_sort(order.begin(), order.end(), [this](int32_t a, int32_t b) {
    const auto x = bytesOf(a), y = bytesOf(b);
    return std::lexicographical_compare(x.begin(), x.end(), y.begin(), y.end());
  });
  std::vector<size_t> path;  // nodes from the root to the last token's end
  std::span<const uint8_t> before;
  const auto close = [&](size_t depth) {
    for (; path.size() > depth; path.pop_back()) nodes_[path.back()].next = static_cast<int32_t>(nodes_.size());
  };
  for (const int32_t token : order) {
    const auto spelled = bytesOf(token);
    const size_t most = std::min(before.size(), spelled.size());
    const auto common = static_cast<size_t>(std::mismatch(before.begin(), before.begin() + static_cast<std::ptrdiff_t>(most), spelled.begin()).first - before.begin());
    close(common);
    for (size_t depth = common; depth < spelled.size(); ++depth) {
      path.push_back(nodes_.size());
      nodes_.push_back({spelled[depth], static_cast<int32_t>(depth), 0, static_cast<int32_t>(tokens_.size())});
    }
    // A token that is a beginning of others comes before them: all that end at a node follow each other.
    tokens_.push_back(token);
    maxDepth_ = std::max(maxDepth_, static_cast<int32_t>(spelled.size()));
    before = spelled;
  }
  close(0);
  nodes_.push_back({0, 0, 0, static_cast<int32_t>(tokens_.size())});
}

TokenGrammar::TokenGrammar(std::shared_ptr<const TokenTree> tree, std::span<const GrammarEdge> edges)
    : tree_(std::move(tree)), edges_(edges.begin(), edges.end()), stacks_{{-1, 0}}, places_(1), mayEnd_(1, false), rows_(1) {
  std::stable_sort(edges_.begin(), edges_.end(), [](const GrammarEdge& a, const GrammarEdge& b) { return a.from < b.from; });
  int32_t states = 1;
  for (const GrammarEdge& edge : edges_) {
    states = std::max({states, edge.from + 1, edge.to + 1, edge.kind == GrammarEdge::call ? edge.first + 1 : 0});
  }
  edgesFrom_.assign(static_cast<size_t>(states) + 1, 0);
  for (const GrammarEdge& edge : edges_) ++edgesFrom_[static_cast<size_t>(edge.from) + 1];
  std::partial_sum(edgesFrom_.begin(), edgesFrom_.end(), edgesFrom_.begin());
  placeOf({{0, 0}});
}

int32_t TokenGrammar::push(int32_t state, int32_t stack) {
  const auto [found, isNew] = stackIds_.try_emplace({state, stack}, static_cast<int32_t>(stacks_.size()));
  if (isNew) stacks_.push_back({state, stack});
  return found->second;
}

// Everything that a thread can become without a byte; `found` has those that can read one.
void TokenGrammar::follow(Thread thread, std::vector<Thread>& found, bool& mayEnd, int calls) {
  std::vector<std::pair<Thread, int>> open{{thread, calls}};
  std::vector<Thread> seen;
  while (!open.empty()) {
    const auto [at, depth] = open.back();
    open.pop_back();
    if (std::find(seen.begin(), seen.end(), at) != seen.end()) continue;
    seen.push_back(at);
    if (depth > kMaxCalls) throw std::length_error("a grammar calls itself before it reads a byte");
    bool reads = false;
    const auto state = static_cast<size_t>(at.state);
    for (int32_t e = edgesFrom_[state]; e < edgesFrom_[state + 1]; ++e) {
      const GrammarEdge& edge = edges_[static_cast<size_t>(e)];
      switch (edge.kind) {
        case GrammarEdge::empty:
          open.push_back({{edge.to, at.stack}, depth});
          break;
        case GrammarEdge::bytes:
          reads = true;
          break;
        case GrammarEdge::call:
          open.push_back({{edge.first, push(edge.to, at.stack)}, depth + 1});
          break;
        default: {
          if (at.stack == 0) {
            mayEnd = true;
            break;
          }
          const auto [back, below] = stacks_[static_cast<size_t>(at.stack)];
          open.push_back({{back, below}, depth});
        }
      }
    }
    if (reads) found.push_back(at);
  }
}

// The place of threads that have just read a byte (or of the beginning).
TokenGrammar::Place TokenGrammar::placeOf(std::vector<Thread> threads) {
  std::vector<Thread> found;
  bool mayEnd = false;
  for (const Thread& thread : threads) follow(thread, found, mayEnd, 0);
  std::sort(found.begin(), found.end());
  found.erase(std::unique(found.begin(), found.end()), found.end());
  if (found.empty() && !mayEnd) return kNowhere;
  const auto [known, isNew] = placeIds_.try_emplace({found, mayEnd}, static_cast<Place>(places_.size()));
  if (isNew) {
    places_.push_back(std::move(found));
    mayEnd_.push_back(mayEnd);
    rows_.emplace_back();
  }
  return known->second;
}

TokenGrammar::Place TokenGrammar::step(Place place, uint8_t byte) {
  if (place < 0) return kNowhere;
  if (!rows_[static_cast<size_t>(place)]) {
    if (rowCount_ == kMaxRows) {
      for (auto& row : rows_) row.reset();
      rowCount_ = 0;
    }
    rows_[static_cast<size_t>(place)] = std::make_unique<Row>();
    rows_[static_cast<size_t>(place)]->fill(kUnknown);
    ++rowCount_;
  }
  const Place known = (*rows_[static_cast<size_t>(place)])[byte];
  if (known != kUnknown) return known;
  std::vector<Thread> next;
  for (const Thread& thread : places_[static_cast<size_t>(place)]) {
    const auto state = static_cast<size_t>(thread.state);
    for (int32_t e = edgesFrom_[state]; e < edgesFrom_[state + 1]; ++e) {
      const GrammarEdge& edge = edges_[static_cast<size_t>(e)];
      if (edge.kind == GrammarEdge::bytes && edge.first <= byte && byte <= edge.last) next.push_back({edge.to, thread.stack});
    }
  }
  const Place reached = next.empty() ? kNowhere : placeOf(std::move(next));
  (*rows_[static_cast<size_t>(place)])[byte] = reached;
  return reached;
}

TokenGrammar::Place TokenGrammar::advanceBytes(Place place, std::span<const uint8_t> bytes) {
  const std::lock_guard lock(mutex_);
  for (const uint8_t byte : bytes) place = step(place, byte);
  return place;
}

TokenGrammar::Place TokenGrammar::advance(Place place, int32_t token) {
  if (token < 0 || token >= vocabSize() || tree_->bytesOf(token).empty()) return kNowhere;
  return advanceBytes(place, tree_->bytesOf(token));
}

bool TokenGrammar::has(Place place) {
  const std::lock_guard lock(mutex_);
  return place > 0 && static_cast<size_t>(place) < places_.size();
}

bool TokenGrammar::mayEnd(Place place) {
  const std::lock_guard lock(mutex_);
  return place > 0 && mayEnd_[static_cast<size_t>(place)];
}

void TokenGrammar::mask(Place place, std::span<uint32_t> out) {
  const std::lock_guard lock(mutex_);
  if (place < 0) {
    std::fill(out.begin(), out.end(), 0u);
    return;
  }
  auto known = masks_.find(place);
  if (known == masks_.end()) {
    if (masks_.size() == kMaxMasks) masks_.clear();
    std::vector<uint32_t> bits(out.size(), 0u);
    std::vector<Place> behind(static_cast<size_t>(tree_->maxDepth()) + 1);  // behind[d]: after d bytes of the node at hand
    behind[0] = place;
    const auto nodes = tree_->nodes();
    for (size_t i = 0; i < nodes.size();) {
      const auto depth = static_cast<size_t>(nodes[i].depth);
      const Place reached = step(behind[depth], nodes[i].byte);
      if (reached == kNowhere) {
        i = static_cast<size_t>(nodes[i].next);
        continue;
      }
      behind[depth + 1] = reached;
      for (const int32_t token : tree_->tokensAt(i)) bits[static_cast<size_t>(token) / 32] |= 1u << (token % 32);
      ++i;
    }
    known = masks_.emplace(place, std::move(bits)).first;
  }
  std::copy(known->second.begin(), known->second.end(), out.begin());
}

}  // namespace parl
