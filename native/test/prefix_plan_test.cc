#include "core/prefix_plan.h"

#include "check.h"

using parl::PrefixRequest;

namespace {
using Tokens = std::vector<int32_t>;
Tokens counting(int32_t from, int32_t to) {
  Tokens tokens;
  for (int32_t t = from; t < to; ++t) tokens.push_back(t);
  return tokens;
}
Tokens joined(Tokens a, const Tokens& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}
}  // namespace

TEST(prefix_plan_keeps_what_the_slot_holds_but_computes_the_last_token) {
  const std::vector<Tokens> slots{counting(0, 10), {}};
  const Tokens longer = counting(0, 14), same = counting(0, 10), shorter = counting(0, 4);
  auto plan = parl::planPrefixes(std::vector<PrefixRequest>{{0, longer}}, slots);
  CHECK(plan[0].kept == 10 && plan[0].reused == 10 && plan[0].source == -1);
  plan = parl::planPrefixes(std::vector<PrefixRequest>{{0, same}}, slots);
  CHECK(plan[0].kept == 9 && plan[0].reused == 9);
  plan = parl::planPrefixes(std::vector<PrefixRequest>{{0, shorter}}, slots);
  CHECK(plan[0].kept == 3 && plan[0].reused == 3);
}

TEST(prefix_plan_copies_from_the_slot_with_the_longest_common_prefix) {
  const std::vector<Tokens> slots{counting(0, 5), counting(0, 20), joined(counting(0, 12), {99}), {}};
  const Tokens prompt = counting(0, 16);
  const auto plan = parl::planPrefixes(std::vector<PrefixRequest>{{3, prompt}}, slots);
  CHECK(plan[0].kept == 0 && plan[0].reused == 15 && plan[0].source == 1 && plan[0].wave == 0);
}

TEST(prefix_plan_takes_no_tokens_that_this_call_overwrites) {
  const std::vector<Tokens> slots{counting(0, 20), {}};
  const Tokens other = counting(100, 120), prompt = counting(0, 20);
  const auto plan = parl::planPrefixes(std::vector<PrefixRequest>{{0, other}, {1, prompt}}, slots);
  CHECK(plan[1].source == -1 && plan[1].reused == 0);
}

TEST(prefix_plan_computes_equal_prompts_once) {
  const std::vector<Tokens> slots(4);
  const Tokens prompt = counting(0, 8), copy = prompt, other = counting(1, 9);
  const auto plan = parl::planPrefixes(std::vector<PrefixRequest>{{3, prompt}, {1, other}, {0, copy}, {2, copy}}, slots);
  CHECK(plan[0].duplicateOf == -1 && plan[0].wave == 0);
  for (size_t i : {2, 3}) {
    CHECK(plan[i].duplicateOf == 0 && plan[i].source == 3 && plan[i].reused == 8 && plan[i].kept == 0 && plan[i].wave == 1);
  }
  CHECK(plan[1].duplicateOf == -1);
}

TEST(prefix_plan_shares_a_long_common_beginning_in_two_waves) {
  const std::vector<Tokens> slots(8);
  std::vector<Tokens> prompts;
  for (int32_t i = 0; i < 8; ++i) prompts.push_back(joined(counting(0, 40), {1000 + i, 7}));
  std::vector<PrefixRequest> requests;
  for (int i = 0; i < 8; ++i) requests.push_back({i, prompts[static_cast<size_t>(i)]});
  const auto plan = parl::planPrefixes(requests, slots);
  CHECK(plan[0].wave == 0 && plan[0].reused == 0);
  for (size_t i = 1; i < 8; ++i) CHECK(plan[i].wave == 1 && plan[i].reused == 40 && plan[i].source == 0);
}

// Whatever the prompts: a source holds the same tokens at the time of the copy, and nobody waits for a later wave.
TEST(prefix_plan_copies_only_what_is_there) {
  for (uint32_t seed = 0; seed < 300; ++seed) {
    uint32_t counter = 0;
    const auto below = [&](int32_t limit) {
      return static_cast<int32_t>((parl::test::mixed(seed, counter++) + 1.0f) * 0.5f * static_cast<float>(limit));
    };
    const auto randomTokens = [&] {
      Tokens tokens = counting(0, below(40));
      const int32_t changed = below(60);
      for (int32_t i = changed; i < static_cast<int32_t>(tokens.size()); ++i) tokens[static_cast<size_t>(i)] = 50 + below(2);
      return tokens;
    };
    std::vector<Tokens> slots(6), prompts;
    for (auto& slot : slots) slot = randomTokens();
    std::vector<PrefixRequest> requests;
    for (int i = 0; i < 6; ++i) prompts.push_back(joined(randomTokens(), {1}));
    for (int i = 0; i < 6; ++i) {
      if (below(4) > 0) requests.push_back({i, prompts[static_cast<size_t>(i)]});
    }
    const auto plan = parl::planPrefixes(requests, slots);
    std::vector<Tokens> holds = slots;
    for (size_t i = 0; i < plan.size(); ++i) holds[static_cast<size_t>(requests[i].slot)].resize(static_cast<size_t>(plan[i].kept));
    for (int wave = 0; wave < 7; ++wave) {
      for (size_t i = 0; i < plan.size(); ++i) {
        if (plan[i].wave != wave) continue;
        const auto prompt = requests[i].prompt;
        const Tokens& source = holds[static_cast<size_t>(plan[i].source < 0 ? requests[i].slot : plan[i].source)];
        CHECK(static_cast<int64_t>(source.size()) >= plan[i].reused);
        for (int64_t t = 0; t < plan[i].reused && t < static_cast<int64_t>(source.size()); ++t) {
          CHECK(source[static_cast<size_t>(t)] == prompt[static_cast<size_t>(t)]);
        }
        CHECK(plan[i].duplicateOf >= 0 || plan[i].reused < static_cast<int64_t>(prompt.size()));
        if (plan[i].duplicateOf >= 0) CHECK(plan[static_cast<size_t>(plan[i].duplicateOf)].wave < wave);
      }
      for (size_t i = 0; i < plan.size(); ++i) {
        if (plan[i].wave == wave) holds[static_cast<size_t>(requests[i].slot)].assign(requests[i].prompt.begin(), requests[i].prompt.end());
      }
    }
    for (size_t i = 0; i < plan.size(); ++i) CHECK(plan[i].wave < 7);
  }
}
