#include "core/score_tokens.h"

#include <algorithm>

#include "check.h"
#include "decoder_model.h"
#include "core/isa.h"
#include "core/thread_pool.h"

using parl::test::Model;
using parl::test::prompted;
using parl::test::sameBits;
using parl::test::Tokens;
using parl::test::trainingLogprobs;

namespace {

// Segments with their parents, and for each leaf's path one sequence: all tokens after the first are targets.
struct Trees {
  std::vector<Tokens> segments;
  std::vector<int32_t> parents;
};

struct Batch {
  Tokens tokens;
  std::vector<int32_t> offsets{0}, parents, targetRows, targets;
  std::vector<Tokens> paths;
};

Batch batchOf(const Trees& trees) {
  Batch batch;
  batch.parents = trees.parents;
  for (const Tokens& segment : trees.segments) {
    batch.tokens.insert(batch.tokens.end(), segment.begin(), segment.end());
    batch.offsets.push_back(static_cast<int32_t>(batch.tokens.size()));
  }
  for (size_t leaf = 0; leaf < trees.segments.size(); ++leaf) {
    if (std::find(trees.parents.begin(), trees.parents.end(), static_cast<int32_t>(leaf)) != trees.parents.end()) continue;
    std::vector<int32_t> path;
    for (auto s = static_cast<int32_t>(leaf); s >= 0; s = trees.parents[static_cast<size_t>(s)]) path.insert(path.begin(), s);
    Tokens tokens, rows;
    for (const int32_t s : path) {
      for (int32_t row = batch.offsets[static_cast<size_t>(s)]; row < batch.offsets[static_cast<size_t>(s) + 1]; ++row) {
        rows.push_back(row);
        tokens.push_back(batch.tokens[static_cast<size_t>(row)]);
      }
    }
    for (size_t t = 1; t < tokens.size(); ++t) {
      batch.targetRows.push_back(rows[t - 1]);
      batch.targets.push_back(tokens[t]);
    }
    batch.paths.push_back(tokens);
  }
  return batch;
}

// Scores on several thread counts, and compares with the training forward of whole sequences, bit by bit.
void checkAgainstTraining(const Model& model, const Trees& trees, float temperature, bool hasParents = true) {
  const Batch batch = batchOf(trees);
  std::vector<float> expectedEntropies;
  const auto expected = trainingLogprobs(model, batch.paths, temperature, &expectedEntropies);
  const parl::ScoredTokens scored{batch.tokens.data(),
                                  {batch.offsets.data(), static_cast<int64_t>(batch.offsets.size()) - 1, hasParents ? batch.parents.data() : nullptr},
                                  batch.targetRows.data(), batch.targets.data(), static_cast<int64_t>(batch.targets.size())};
  for (const int threads : {1, 2, 3, 5}) {
    parl::setThreadCount(threads);
    std::vector<float> logprobs(expected.size()), entropies(expected.size()), alone(expected.size());
    parl::scoreTokens(model.config, model.weights, scored, temperature, logprobs.data(), entropies.data());
    parl::scoreTokens(model.config, model.weights, scored, temperature, alone.data(), nullptr);
    CHECK(sameBits(logprobs, expected));
    CHECK(sameBits(alone, expected));
    CHECK(sameBits(entropies, expectedEntropies));
  }
  parl::setThreadCount(2);
}

Trees sequencesOf(std::initializer_list<size_t> lengths) {
  Trees trees;
  for (const size_t length : lengths) {
    trees.segments.push_back(prompted(static_cast<uint32_t>(trees.segments.size()) + 3, length));
    trees.parents.push_back(-1);
  }
  return trees;
}

}  // namespace

TEST(scores_of_sequences_equal_the_training_forward_bit_for_bit) {
  for (const bool qwen3 : {false, true}) {
    const Model model(qwen3);
    for (const float temperature : {1.0f, 0.7f}) {
      checkAgainstTraining(model, sequencesOf({5, 170, 31, 2, 90, 64, 300, 33, 12, 100, 77, 45}), temperature, !qwen3);
      checkAgainstTraining(model, sequencesOf({40}), temperature);        // one: the threads share it
      checkAgainstTraining(model, sequencesOf({600, 3, 4}), temperature); // and one that is larger than the others together
    }
  }
}

TEST(scores_of_sequences_that_share_their_beginnings_do_too) {
  const Model model;
  Trees trees;
  const auto add = [&trees](size_t length, int32_t parent) {
    trees.segments.push_back(prompted(static_cast<uint32_t>(trees.segments.size()) + 11, length));
    trees.parents.push_back(parent);
    return static_cast<int32_t>(trees.segments.size()) - 1;
  };
  for (int group = 0; group < 9; ++group) {
    const int32_t prompt = add(20 + static_cast<size_t>(group) * 3, -1);
    add(17, prompt);
    const int32_t turn = add(40, prompt);
    add(1, turn);
    add(23, turn);
    add(9, prompt);
    add(35, -1);
  }
  checkAgainstTraining(model, trees, 0.9f);
  Trees one{{trees.segments.begin(), trees.segments.begin() + 6}, {trees.parents.begin(), trees.parents.begin() + 6}};
  checkAgainstTraining(model, one, 1.0f);
}

TEST(scores_of_a_decoder_too_large_for_the_caches_do_too) {
  const Model model(false, 360000);
  CHECK(!parl::isSmallDecoder(model.config));
  checkAgainstTraining(model, sequencesOf({5, 17, 2, 31, 9}), 1.0f);
}

TEST(scores_follow_adapters_and_targets_in_any_order) {
  Model model;
  model.config.adapterRank = 3;
  parl::DecoderLayer& layer = model.weights.layers[1];
  const auto d = static_cast<size_t>(model.config.hiddenSize), f = static_cast<size_t>(model.config.intermediateSize);
  layer.upAdapter = {model.make(3 * d, 0.3f), model.make(f * 3, 0.3f), 3, 0.5f};
  Batch batch = batchOf(sequencesOf({50, 30, 41, 5, 66, 20, 39, 44}));
  const auto n = batch.targets.size();
  const auto scores = [&](float* logprobs) {
    parl::scoreTokens(model.config, model.weights,
                      {batch.tokens.data(), {batch.offsets.data(), static_cast<int64_t>(batch.offsets.size()) - 1}, batch.targetRows.data(),
                       batch.targets.data(), static_cast<int64_t>(batch.targets.size())},
                      1.0f, logprobs, nullptr);
  };
  std::vector<float> forth(n), back(n), without(n);
  scores(forth.data());
  std::reverse(batch.targetRows.begin(), batch.targetRows.end());
  std::reverse(batch.targets.begin(), batch.targets.end());
  scores(back.data());
  std::reverse(back.begin(), back.end());
  CHECK(sameBits(forth, back));
  layer.upAdapter = {};
  scores(without.data());
  CHECK(!sameBits(back, without));

  batch.targetRows.clear();
  batch.targets.clear();
  scores(nullptr);  // nothing to score
}
