#include "core/decoder_layers.h"

#include <algorithm>

#include "check.h"
#include "decoder_model.h"
#include "core/isa.h"
#include "core/thread_pool.h"

using parl::test::Model;
using parl::test::prompted;
using parl::test::sameBits;
using parl::test::Tokens;

namespace {

// Sequences of which some begin alike; every other token is a target.
struct Batch {
  Tokens tokens;
  std::vector<int32_t> offsets{0}, parents, targetRows;

  void add(size_t length, int32_t parent = -1) {
    const Tokens segment = prompted(static_cast<uint32_t>(parents.size()) + 5, length);
    for (size_t t = 0; t < length; t += 2) targetRows.push_back(static_cast<int32_t>(tokens.size() + t));
    tokens.insert(tokens.end(), segment.begin(), segment.end());
    offsets.push_back(static_cast<int32_t>(tokens.size()));
    parents.push_back(parent);
  }
  parl::TrainedTokens trained() const {
    return {tokens.data(), {offsets.data(), static_cast<int64_t>(parents.size()), parents.data()}, targetRows.data(),
            static_cast<int64_t>(targetRows.size())};
  }
};

Batch batchOf(std::initializer_list<size_t> lengths) {
  Batch batch;
  for (const size_t length : lengths) {
    batch.add(length);
    if (length % 3 == 0) batch.add(length / 2, static_cast<int32_t>(batch.parents.size()) - 1);
  }
  return batch;
}

struct Result {
  std::vector<float> hidden;
  std::vector<std::vector<float>> gradients;  // of the embedding, the final norm, and each layer's weights as they are declared
};

// Gradients of the sum of upstream times hidden.
Result run(const Model& model, const Batch& batch, const std::vector<float>& upstream) {
  const parl::DecoderConfig& c = model.config;
  const int64_t d = c.hiddenSize, f = c.intermediateSize, q = c.numHeads * c.headDim, kv = c.numKvHeads * c.headDim;
  Result result;
  result.gradients.reserve(1000);
  const auto array = [&result](int64_t floats) {
    result.gradients.emplace_back(static_cast<size_t>(floats), 7.0f);  // overwritten
    return result.gradients.back().data();
  };
  const auto ifThere = [&array](const float* weight, int64_t floats) { return weight == nullptr ? nullptr : array(floats); };
  parl::DecoderGradients gradients{array(c.vocabSize * d), array(d), {}};
  for (const parl::DecoderLayer& x : model.weights.layers) {
    gradients.layers.push_back({array(d), array(q * d), array(kv * d), array(kv * d), ifThere(x.qBias, q), ifThere(x.kBias, kv), ifThere(x.vBias, kv),
                                ifThere(x.qNorm, c.headDim), ifThere(x.kNorm, c.headDim), array(d * q), array(d), array(f * d), array(f * d),
                                array(d * f)});
  }
  const parl::TrainedTokens trained = batch.trained();
  std::vector<float> kept(static_cast<size_t>(parl::keptActivations(c, model.weights, trained)));
  result.hidden.resize(batch.targetRows.size() * static_cast<size_t>(d));
  parl::decoderLayersForward(c, model.weights, trained, kept.data(), result.hidden.data());
  parl::decoderLayersBackward(c, model.weights, trained, upstream.data(), kept.data(), gradients);
  return result;
}

bool same(const Result& a, const Result& b) {
  return sameBits(a.hidden, b.hidden) && std::equal(a.gradients.begin(), a.gradients.end(), b.gradients.begin(), b.gradients.end(), sameBits);
}

std::vector<float> upstreamOf(const Model& model, const Batch& batch) {
  return parl::test::mixedFloats(77, batch.targetRows.size() * static_cast<size_t>(model.config.hiddenSize));
}

}  // namespace

TEST(layers_as_one_do_not_depend_on_threads) {
  for (const bool qwen3 : {false, true}) {
    const Model model(qwen3);
    for (const Batch& batch : {batchOf({40, 33, 70, 12, 90, 64, 51, 7, 88}), batchOf({30}), batchOf({2, 300})}) {
      const auto upstream = upstreamOf(model, batch);
      parl::setThreadCount(1);
      const Result alone = run(model, batch, upstream);
      for (const int threads : {2, 3, 5}) {
        parl::setThreadCount(threads);
        CHECK(same(run(model, batch, upstream), alone));
      }
    }
  }
  parl::setThreadCount(2);
}

TEST(layers_as_one_take_targets_in_any_order) {
  const Model model;
  Batch batch = batchOf({40, 33, 70, 12, 90});
  const auto d = static_cast<size_t>(model.config.hiddenSize), n = batch.targetRows.size();
  auto upstream = upstreamOf(model, batch);
  const Result forth = run(model, batch, upstream);
  std::reverse(batch.targetRows.begin(), batch.targetRows.end());
  for (size_t i = 0; i < n / 2; ++i) {
    const auto row = upstream.begin() + static_cast<std::ptrdiff_t>(i * d), other = upstream.begin() + static_cast<std::ptrdiff_t>((n - 1 - i) * d);
    std::swap_ranges(row, row + static_cast<std::ptrdiff_t>(d), other);
  }
  const Result back = run(model, batch, upstream);
  for (size_t i = 0; i < n; ++i) CHECK(std::memcmp(&forth.hidden[i * d], &back.hidden[(n - 1 - i) * d], d * sizeof(float)) == 0);
  // Sums of the last layer run over targets in another order.
  for (size_t g = 0; g < forth.gradients.size(); ++g) {
    for (size_t i = 0; i < forth.gradients[g].size(); ++i) {
      CHECK_NEAR(back.gradients[g][i], forth.gradients[g][i], 1e-3 * (1 + std::fabs(forth.gradients[g][i])));
    }
  }
}

// Then the last layer keeps its rows; others whose gradient is 0 add nothing.
TEST(layers_as_one_with_every_row_a_target_give_what_fewer_targets_give) {
  for (const bool qwen3 : {false, true}) {
    const Model model(qwen3);
    Batch some = batchOf({40, 33, 70, 12, 90}), every = some;
    const auto d = static_cast<size_t>(model.config.hiddenSize);
    const auto upstream = upstreamOf(model, some);
    every.targetRows.clear();
    for (size_t row = 0; row < every.tokens.size(); ++row) every.targetRows.push_back(static_cast<int32_t>(row));
    std::vector<float> spread(every.targetRows.size() * d, 0.0f);
    for (size_t i = 0; i < some.targetRows.size(); ++i) std::copy_n(&upstream[i * d], d, &spread[static_cast<size_t>(some.targetRows[i]) * d]);
    const Result few = run(model, some, upstream), all = run(model, every, spread);
    for (size_t i = 0; i < some.targetRows.size(); ++i) {
      CHECK(std::memcmp(&few.hidden[i * d], &all.hidden[static_cast<size_t>(some.targetRows[i]) * d], d * sizeof(float)) == 0);
    }
    for (size_t g = 0; g < few.gradients.size(); ++g) CHECK(few.gradients[g] == all.gradients[g]);  // by value: -0 may be 0
  }
}

TEST(layers_as_one_have_the_gradient_of_differences) {
  for (const bool qwen3 : {false, true}) {
    Model model(qwen3);
    const Batch batch = batchOf({20, 33, 12});
    const auto upstream = upstreamOf(model, batch);
    const Result exact = run(model, batch, upstream);
    // In the order of the arrays of a result: storage begins with the embedding and the final norm, then an untied head.
    const size_t firstLayer = qwen3 ? 3 : 2;
    const auto valueAt = [&](size_t array, size_t i, float step) {
      float& weight = model.storage[array][i];
      const float before = weight;
      weight += step;
      const Result moved = run(model, batch, upstream);
      weight = before;
      double sum = 0;
      for (size_t j = 0; j < upstream.size(); ++j) sum += static_cast<double>(moved.hidden[j]) * static_cast<double>(upstream[j]);
      return sum;
    };
    const auto slopeOf = [&](size_t array, size_t i) { return (valueAt(array, i, 4e-3f) - valueAt(array, i, -4e-3f)) / 8e-3; };
    const auto closeTo = [&](double slope, float gradient) { CHECK_NEAR(slope, gradient, 0.05 + 0.02 * std::fabs(slope)); };
    closeTo(slopeOf(0, static_cast<size_t>(batch.tokens[3] * model.config.hiddenSize + 5)),
            exact.gradients[0][static_cast<size_t>(batch.tokens[3] * model.config.hiddenSize + 5)]);
    closeTo(slopeOf(1, 4), exact.gradients[1][4]);
    closeTo(slopeOf(firstLayer, 3), exact.gradients[2][3]);           // first layer: inputNorm
    closeTo(slopeOf(firstLayer + 1, 17), exact.gradients[3][17]);     // qProj
    closeTo(slopeOf(firstLayer + 2, 29), exact.gradients[4][29]);     // kProj
    closeTo(slopeOf(firstLayer + 3, 11), exact.gradients[5][11]);     // vProj
    closeTo(slopeOf(firstLayer + 4, 2), exact.gradients[6][2]);       // qBias, or qNorm
    closeTo(slopeOf(firstLayer + 5, 1), exact.gradients[7][1]);       // kBias, or kNorm
  }
}

TEST(layers_as_one_of_a_large_decoder_are_shared_by_threads) {
  const Model model(false, 360000);
  const Batch batch = batchOf({20, 33});
  const auto upstream = upstreamOf(model, batch);
  parl::setThreadCount(1);
  const Result alone = run(model, batch, upstream);
  parl::setThreadCount(3);
  CHECK(same(run(model, batch, upstream), alone));
  parl::setThreadCount(2);
}
