#include "core/sampler.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <thread>

#include "check.h"
#include "decoder_model.h"
#include "core/thread_pool.h"

using parl::GenerationOptions;
using parl::GenerationRequest;
using parl::GenerationStatus;
using parl::Sampler;
using parl::test::Model;
using parl::test::prompted;
using parl::test::sameBits;
using parl::test::Tokens;
using parl::test::trainingLogprobs;

namespace {

const std::atomic<bool> kNever{false};

bool same(const parl::GeneratedSequence& a, const parl::GeneratedSequence& b) {
  return a.tokens == b.tokens && a.stopped == b.stopped && sameBits(a.logprobs, b.logprobs);
}

std::vector<GenerationRequest> mixedRequests(int count) {
  std::vector<GenerationRequest> requests;
  for (int i = 0; i < count; ++i) {
    requests.push_back({i, prompted(static_cast<uint32_t>(i % 5) + 1, static_cast<size_t>(1 + i * 7 % 41)), 1 + i * 5 % 23,
                        static_cast<uint64_t>(i) + 1000});
  }
  return requests;
}

// Samples, and compares log-probabilities with those of training, bit by bit.
void checkAgainstTraining(const Model& model, Sampler& sampler, const std::vector<GenerationRequest>& requests, float temperature) {
  const auto result = sampler.generate(model.weights, requests, {temperature, {5}}, kNever);
  CHECK(result.status == GenerationStatus::done);
  std::vector<Tokens> whole;
  for (size_t i = 0; i < requests.size(); ++i) {
    whole.push_back(requests[i].prompt);
    whole.back().insert(whole.back().end(), result.sequences[i].tokens.begin(), result.sequences[i].tokens.end());
  }
  const auto expected = trainingLogprobs(model, whole, temperature);
  size_t row = 0;
  for (size_t i = 0; i < requests.size(); ++i) {
    const auto& out = result.sequences[i];
    row += requests[i].prompt.size() - 1;
    CHECK(sameBits(out.logprobs, {expected.begin() + static_cast<std::ptrdiff_t>(row),
                                  expected.begin() + static_cast<std::ptrdiff_t>(row + out.tokens.size())}));
    row += out.tokens.size();
    CHECK(out.stopped == (out.tokens.back() == 5));
    CHECK(out.stopped || static_cast<int64_t>(out.tokens.size()) == requests[i].maxNewTokens);
  }
}

}  // namespace

TEST(sampler_logprobs_equal_the_training_forward_bit_for_bit) {
  for (const bool qwen3 : {false, true}) {
    const Model model(qwen3);
    for (const float temperature : {1.0f, 0.7f}) {
      Sampler sampler(model.config, 40, 64);
      checkAgainstTraining(model, sampler, mixedRequests(40), temperature);
    }
  }
}

// 12 KiB a token: the caches hold some of 40 sequences, which have their turns in groups; more of them wait for a place.
TEST(sampler_of_groups_that_take_turns_equals_the_training_forward_too) {
  const Model model(false, 83, 24, 24, 32);
  auto requests = mixedRequests(60);
  for (GenerationRequest& request : requests) {
    request.slot = -1;
    request.maxNewTokens += 25;
  }
  for (const int threads : {1, 2, 3}) {
    parl::setThreadCount(threads);
    for (const int64_t cacheTokens : {0, 2048}) {
      Sampler sampler(model.config, 40, 96, cacheTokens);
      checkAgainstTraining(model, sampler, requests, 1.0f);
    }
  }
  parl::setThreadCount(2);
}

TEST(sampler_text_does_not_depend_on_batch_threads_or_reuse) {
  const Model model;
  const auto requests = mixedRequests(40);
  const GenerationOptions options{1.0f, {5}};
  Sampler together(model.config, 40, 64);
  const auto expected = together.generate(model.weights, requests, options, kNever);
  for (const int threads : {1, 2, 3}) {
    parl::setThreadCount(threads);
    Sampler fresh(model.config, 40, 64);
    const auto again = fresh.generate(model.weights, requests, options, kNever);
    const auto reused = fresh.generate(model.weights, requests, options, kNever);  // every slot holds its prompt now
    Sampler single(model.config, 1, 64);
    for (size_t i = 0; i < requests.size(); ++i) {
      CHECK(same(again.sequences[i], expected.sequences[i]));
      CHECK(same(reused.sequences[i], expected.sequences[i]));
      auto alone = requests[i];
      alone.slot = 0;
      CHECK(same(single.generate(model.weights, {alone}, options, kNever).sequences[0], expected.sequences[i]));
    }
  }
  parl::setThreadCount(2);
}

// Beyond 8 M weights matrices are read in place instead of packed, logits exist for a tile of rows, threads share products.
TEST(sampler_of_a_large_model_equals_the_training_forward_too) {
  const Model model(false, 360000);
  const int count = 67;  // more than a tile of logits
  Sampler sampler(model.config, count, 24);
  std::vector<GenerationRequest> requests;
  for (int i = 0; i < count; ++i) {
    requests.push_back({i, prompted(static_cast<uint32_t>(i), 2, 360000), i == 0 ? 3 : 1, static_cast<uint64_t>(i)});
  }
  const auto result = sampler.generate(model.weights, requests, {1.0f, {}}, kNever);
  std::vector<Tokens> whole;
  std::vector<float> sampled;
  for (const size_t i : {size_t{0}, size_t{66}}) {
    whole.push_back(requests[i].prompt);
    whole.back().insert(whole.back().end(), result.sequences[i].tokens.begin(), result.sequences[i].tokens.end());
    sampled.push_back(result.sequences[i].logprobs.back());
  }
  const auto expected = trainingLogprobs(model, whole, 1.0f);
  CHECK(sampled[0] == expected[3] && sampled[1] == expected[5]);
}

// Threads share the products of the first prompts, one of which is most of them; of the second each has its own.
TEST(sampler_prefill_of_more_tokens_than_a_chunk) {
  const Model model;
  for (const auto& lengths : {std::vector<size_t>{700, 1300, 40}, {700, 40, 650, 30, 20, 9}}) {
    std::vector<GenerationRequest> requests;
    for (size_t i = 0; i < lengths.size(); ++i) requests.push_back({static_cast<int>(i), prompted(static_cast<uint32_t>(i) + 1, lengths[i]), 4, i});
    for (const int threads : {1, 2, 3, 16}) {
      parl::setThreadCount(threads);
      Sampler sampler(model.config, static_cast<int64_t>(lengths.size()), 1500);
      const auto result = sampler.generate(model.weights, requests, {1.0f, {}}, kNever);
      for (size_t i = 0; i < requests.size(); ++i) {
        Tokens whole = requests[i].prompt;
        whole.insert(whole.end(), result.sequences[i].tokens.begin(), result.sequences[i].tokens.end());
        const auto expected = trainingLogprobs(model, {whole}, 1.0f);
        CHECK(sameBits(result.sequences[i].logprobs, {expected.end() - 4, expected.end()}));
      }
    }
  }
  parl::setThreadCount(2);
}

TEST(sampler_reuses_prefixes_and_computes_the_rest_only) {
  const Model model;
  Sampler sampler(model.config, 6, 128);
  Sampler fresh(model.config, 6, 128);
  const GenerationOptions options{1.0f, {}};
  auto first = sampler.generate(model.weights, {{0, prompted(1, 50), 10, 1}}, options, kNever);
  CHECK(sampler.computedPromptTokens() == 50);
  CHECK(sampler.slotTokens(0).size() == 59);  // the last token's keys were not needed
  Tokens longer = prompted(1, 50);
  longer.insert(longer.end(), first.sequences[0].tokens.begin(), first.sequences[0].tokens.end());
  longer.push_back(3);
  // Slot 0 goes on; slots 1 and 2 have equal prompts that branch off slot 0's; slot 3 branches off theirs.
  Tokens branch = prompted(1, 45);
  branch.push_back(80);
  Tokens other = branch;
  for (int i = 0; i < 30; ++i) other.push_back(i);
  Tokens third = other;
  other.push_back(1);
  third.push_back(2);
  const std::vector<GenerationRequest> requests{{0, longer, 8, 2}, {1, branch, 8, 3}, {2, branch, 8, 4}, {3, other, 8, 5}, {4, third, 8, 6}};
  const auto reused = sampler.generate(model.weights, requests, options, kNever);
  // 61 - 59 of slot 0; 1 of slot 1 behind the 45 of slot 0; none of slot 2; 32 of slot 3 (46th to 77th); 1 of slot 4.
  CHECK(sampler.computedPromptTokens() == 50 + 2 + 1 + 0 + 32 + 1);
  const auto computed = fresh.generate(model.weights, requests, options, kNever);
  for (size_t i = 0; i < requests.size(); ++i) CHECK(same(reused.sequences[i], computed.sequences[i]));
  CHECK(reused.sequences[1].tokens != reused.sequences[2].tokens);  // equal prompts, own seeds
  sampler.reset();
  CHECK(sampler.slotTokens(0).empty());
  const auto again = sampler.generate(model.weights, requests, options, kNever);
  for (size_t i = 0; i < requests.size(); ++i) CHECK(same(again.sequences[i], computed.sequences[i]));
}

TEST(sampler_computes_the_prompt_of_a_group_once) {
  const Model model;
  constexpr int kGroup = 8;
  Sampler sampler(model.config, 2 * kGroup, 128), alone(model.config, 1, 128);
  std::vector<GenerationRequest> requests;
  for (int i = 0; i < 2 * kGroup; ++i) {
    requests.push_back({i, prompted(i / kGroup, i < kGroup ? 50 : 61), 12, static_cast<uint64_t>(i)});
  }
  const auto groups = sampler.generate(model.weights, requests, {}, kNever);
  CHECK(sampler.computedPromptTokens() == 50 + 61);
  CHECK(sampler.reusedPromptTokens() == (kGroup - 1) * (50 + 61));
  for (size_t i = 0; i < requests.size(); ++i) {
    GenerationRequest request = requests[i];
    request.slot = 0;
    alone.reset();
    CHECK(same(groups.sequences[i], alone.generate(model.weights, {request}, {}, kNever).sequences[0]));
  }
  // The next turn of one group: each sequence goes on from its own tokens and a message of its own.
  for (int i = 0; i < kGroup; ++i) {
    auto& prompt = requests[static_cast<size_t>(i)].prompt;
    const auto& own = groups.sequences[static_cast<size_t>(i)].tokens;
    prompt.insert(prompt.end(), own.begin(), own.end());
    for (int t = 0; t < 5; ++t) prompt.push_back(70 + (t == 0 ? i : t));
  }
  requests.resize(kGroup);
  const int64_t before = sampler.computedPromptTokens();
  CHECK(sampler.generate(model.weights, requests, {}, kNever).status == GenerationStatus::done);
  CHECK(sampler.computedPromptTokens() - before == kGroup * (1 + 5));  // the last token drawn had not been read yet
}

TEST(sampler_greedy_takes_the_most_likely_token_at_temperature_one) {
  const Model model;
  Sampler sampler(model.config, 1, 64);
  const auto result = sampler.generate(model.weights, {{0, prompted(4, 9), 20, 1}}, {0.0f, {}}, kNever);
  Tokens whole = prompted(4, 9);
  for (size_t i = 0; i < 20; ++i) {
    float best = -1e30f;
    for (int32_t token = 0; token < 83; ++token) {
      Tokens candidate = whole;
      candidate.push_back(token);
      best = std::max(best, trainingLogprobs(model, {candidate}, 1.0f).back());
    }
    CHECK(result.sequences[0].logprobs[i] == best);
    whole.push_back(result.sequences[0].tokens[i]);
  }
}

TEST(sampler_abort_leaves_slots_usable) {
  const Model model;
  Sampler sampler(model.config, 4, 64);
  const auto requests = mixedRequests(4);
  const std::atomic<bool> always{true};
  CHECK(sampler.generate(model.weights, requests, {}, always).status == GenerationStatus::aborted);
  const auto after = sampler.generate(model.weights, requests, {}, kNever);
  Sampler fresh(model.config, 4, 64);
  const auto expected = fresh.generate(model.weights, requests, {}, kNever);
  for (size_t i = 0; i < 4; ++i) CHECK(same(after.sequences[i], expected.sequences[i]));
}

// Wherever it comes: in the prompts, which two threads compute by themselves, or behind them.
TEST(sampler_abort_within_prompts_leaves_slots_that_hold_what_they_say) {
  const Model model;
  std::vector<GenerationRequest> requests;
  for (int i = 0; i < 12; ++i) requests.push_back({i, prompted(static_cast<uint32_t>(i), 300), 3, static_cast<uint64_t>(i)});
  Sampler fresh(model.config, 12, 320);
  const auto expected = fresh.generate(model.weights, requests, {}, kNever);
  for (const int delay : {0, 100, 300, 1000, 3000}) {
    Sampler sampler(model.config, 12, 320);
    std::atomic<bool> abort{false};
    std::thread other([&] {
      std::this_thread::sleep_for(std::chrono::microseconds(delay));
      abort = true;
    });
    sampler.generate(model.weights, requests, {}, abort);
    other.join();
    const auto after = sampler.generate(model.weights, requests, {}, kNever);
    for (size_t i = 0; i < requests.size(); ++i) CHECK(same(after.sequences[i], expected.sequences[i]));
  }
}

TEST(sampler_reports_where_logits_are_not_finite) {
  Model model;
  model.storage[1][0] = std::nanf("");  // finalNorm
  Sampler sampler(model.config, 4, 64);
  const auto result = sampler.generate(model.weights, {{2, prompted(1, 5), 3, 1}}, {}, kNever);
  CHECK(result.status == GenerationStatus::notFinite && result.slot == 2 && result.position == 5);
}

TEST(sampler_memory_is_predicted) {
  const Model model;
  const int64_t small = Sampler::memoryBytes(model.config, 4, 64), more = Sampler::memoryBytes(model.config, 4, 128);
  // 64 tokens more: keys and values (2) of 2 heads of 6, 2 layers, 4 slots, 4 bytes.
  CHECK(more - small == 64 * 2 * 2 * 6 * 2 * 4 * 4);
}
