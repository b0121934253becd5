#include "core/attention.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "check.h"
#include "core/thread_pool.h"

namespace {

struct Case {
  parl::AttentionShape shape;
  std::vector<int32_t> offsets;
  std::vector<float> q, k, v;
  std::vector<int32_t> parents = {};

  int64_t rows() const { return offsets.back(); }
  parl::Segments segments() const { return {offsets.data(), static_cast<int64_t>(offsets.size()) - 1, parents.empty() ? nullptr : parents.data()}; }
};

Case make(int64_t heads, int64_t kvHeads, int64_t headDim, std::vector<int32_t> offsets) {
  const size_t n = static_cast<size_t>(offsets.back()), d = static_cast<size_t>(headDim);
  return {{heads, kvHeads, headDim},
          offsets,
          parl::test::mixedFloats(1, n * static_cast<size_t>(heads) * d, 2),
          parl::test::mixedFloats(2, n * static_cast<size_t>(kvHeads) * d, 2),
          parl::test::mixedFloats(3, n * static_cast<size_t>(kvHeads) * d)};
}

struct Output {
  std::vector<float> out, lse;
};
Output forward(const Case& x) {
  Output y{std::vector<float>(x.q.size()), std::vector<float>(static_cast<size_t>(x.rows() * x.shape.numHeads))};
  parl::attentionForward(x.q.data(), x.k.data(), x.v.data(), x.segments(), y.out.data(), y.lse.data(), x.shape);
  return y;
}

// One row in double: out [headDim] and lse. Inputs as doubles, for finite differences.
double referenceRow(const Case& x, const std::vector<double>& q, const std::vector<double>& k, const std::vector<double>& v,
                    int64_t segment, int64_t row, int64_t head, std::vector<double>& out) {
  const int64_t d = x.shape.headDim, kvHead = head / (x.shape.numHeads / x.shape.numKvHeads);
  const int64_t start = x.offsets[static_cast<size_t>(segment)];
  std::vector<double> scores;
  for (int64_t j = start; j <= row; ++j) {
    double score = 0;
    for (int64_t c = 0; c < d; ++c) {
      score += q[static_cast<size_t>((row * x.shape.numHeads + head) * d + c)] * k[static_cast<size_t>((j * x.shape.numKvHeads + kvHead) * d + c)];
    }
    scores.push_back(score / std::sqrt(static_cast<double>(d)));
  }
  const double max = *std::max_element(scores.begin(), scores.end());
  double sum = 0;
  for (double s : scores) sum += std::exp(s - max);
  out.assign(static_cast<size_t>(d), 0);
  for (int64_t j = start; j <= row; ++j) {
    const double weight = std::exp(scores[static_cast<size_t>(j - start)] - max) / sum;
    for (int64_t c = 0; c < d; ++c) out[static_cast<size_t>(c)] += weight * v[static_cast<size_t>((j * x.shape.numKvHeads + kvHead) * d + c)];
  }
  return max + std::log(sum);
}

double loss(const Case& x, const std::vector<float>& dOut, const std::vector<double>& q, const std::vector<double>& k,
            const std::vector<double>& v) {
  double total = 0;
  std::vector<double> out;
  for (int64_t s = 0; s < x.segments().count; ++s) {
    for (int64_t row = x.offsets[static_cast<size_t>(s)]; row < x.offsets[static_cast<size_t>(s + 1)]; ++row) {
      for (int64_t head = 0; head < x.shape.numHeads; ++head) {
        referenceRow(x, q, k, v, s, row, head, out);
        for (int64_t c = 0; c < x.shape.headDim; ++c) {
          total += dOut[static_cast<size_t>((row * x.shape.numHeads + head) * x.shape.headDim + c)] * out[static_cast<size_t>(c)];
        }
      }
    }
  }
  return total;
}

}  // namespace

TEST(attention_forward_matches_double) {
  for (const Case& x : {make(1, 1, 16, {0, 1}), make(4, 2, 32, {0, 5, 5, 70, 71}), make(6, 2, 24, {0, 40}), make(2, 1, 80, {0, 131, 300}),
                        make(3, 3, 7, {0, 33, 64}), make(2, 2, 128, {0, 50})}) {
    const Output y = forward(x);
    const std::vector<double> q(x.q.begin(), x.q.end()), k(x.k.begin(), x.k.end()), v(x.v.begin(), x.v.end());
    std::vector<double> expected;
    for (int64_t s = 0; s < x.segments().count; ++s) {
      for (int64_t row = x.offsets[static_cast<size_t>(s)]; row < x.offsets[static_cast<size_t>(s + 1)]; ++row) {
        for (int64_t head = 0; head < x.shape.numHeads; ++head) {
          const double lse = referenceRow(x, q, k, v, s, row, head, expected);
          const size_t at = static_cast<size_t>(row * x.shape.numHeads + head);
          // Scores are below 4 sqrt(headDim) < 46; their rounding, headDim * 6e-8 of that, moves weights by as much.
          const double tolerance = static_cast<double>(x.shape.headDim) * 6e-8 * 46 + 1e-6;
          CHECK_NEAR(y.lse[at], lse, tolerance);
          for (int64_t c = 0; c < x.shape.headDim; ++c) {
            CHECK_NEAR(y.out[at * static_cast<size_t>(x.shape.headDim) + static_cast<size_t>(c)], expected[static_cast<size_t>(c)], tolerance);
          }
        }
      }
    }
  }
}

TEST(attention_backward_matches_finite_differences) {
  for (Case x : {make(4, 2, 5, {0, 3, 3, 12}), make(2, 1, 16, {0, 20})}) {
    const Output y = forward(x);
    const auto dOut = parl::test::mixedFloats(4, x.q.size());
    std::vector<float> dq(x.q.size(), 9), dk(x.k.size(), 9), dv(x.v.size(), 9);
    parl::attentionBackward(dOut.data(), x.q.data(), x.k.data(), x.v.data(), y.out.data(), y.lse.data(), x.segments(),
                            dq.data(), dk.data(), dv.data(), x.shape);
    std::vector<double> q(x.q.begin(), x.q.end()), k(x.k.begin(), x.k.end()), v(x.v.begin(), x.v.end());
    const auto slope = [&](double& value) {
      const double before = value, step = 1e-5;
      value = before + step;
      const double above = loss(x, dOut, q, k, v);
      value = before - step;
      const double below = loss(x, dOut, q, k, v);
      value = before;
      return (above - below) / (2 * step);
    };
    for (size_t i = 0; i < q.size(); i += 3) CHECK_NEAR(dq[i], slope(q[i]), 2e-5);
    for (size_t i = 0; i < k.size(); i += 2) CHECK_NEAR(dk[i], slope(k[i]), 2e-5);
    for (size_t i = 0; i < v.size(); i += 2) CHECK_NEAR(dv[i], slope(v[i]), 2e-5);
  }
}

TEST(attention_backward_over_several_query_blocks_matches_finite_differences) {
  Case x = make(2, 1, 8, {0, 150});
  const Output y = forward(x);
  const auto dOut = parl::test::mixedFloats(4, x.q.size());
  std::vector<float> dq(x.q.size()), dk(x.k.size()), dv(x.v.size());
  parl::attentionBackward(dOut.data(), x.q.data(), x.k.data(), x.v.data(), y.out.data(), y.lse.data(), x.segments(),
                          dq.data(), dk.data(), dv.data(), x.shape);
  std::vector<double> q(x.q.begin(), x.q.end()), k(x.k.begin(), x.k.end()), v(x.v.begin(), x.v.end());
  const auto slope = [&](double& value) {
    const double before = value, step = 1e-5;
    value = before + step;
    const double above = loss(x, dOut, q, k, v);
    value = before - step;
    const double below = loss(x, dOut, q, k, v);
    value = before;
    return (above - below) / (2 * step);
  };
  for (size_t i = 0; i < q.size(); i += 97) CHECK_NEAR(dq[i], slope(q[i]), 2e-5);
  for (size_t i = 0; i < k.size(); i += 61) CHECK_NEAR(dk[i], slope(k[i]), 5e-5);
  for (size_t i = 0; i < v.size(); i += 61) CHECK_NEAR(dv[i], slope(v[i]), 5e-5);
}

TEST(attention_bits_do_not_depend_on_neighbours_or_threads) {
  const Case x = make(4, 2, 32, {0, 100, 101, 400});
  const auto dOut = parl::test::mixedFloats(4, x.q.size());
  Output first;
  std::vector<float> firstDq, firstDk;
  for (int threads : {1, 2, 3}) {
    parl::setThreadCount(threads);
    const Output y = forward(x);
    std::vector<float> dq(x.q.size()), dk(x.k.size()), dv(x.v.size());
    parl::attentionBackward(dOut.data(), x.q.data(), x.k.data(), x.v.data(), y.out.data(), y.lse.data(), x.segments(),
                            dq.data(), dk.data(), dv.data(), x.shape);
    if (threads == 1) first = y, firstDq = dq, firstDk = dk;
    CHECK(y.out == first.out && y.lse == first.lse && dq == firstDq && dk == firstDk);
  }
  parl::setThreadCount(2);
  // The last segment alone.
  Case alone = x;
  alone.offsets = {0, 299};
  alone.q.erase(alone.q.begin(), alone.q.begin() + 101 * 4 * 32);
  alone.k.erase(alone.k.begin(), alone.k.begin() + 101 * 2 * 32);
  alone.v.erase(alone.v.begin(), alone.v.begin() + 101 * 2 * 32);
  const Output y = forward(alone);
  CHECK(std::memcmp(y.out.data(), first.out.data() + 101 * 4 * 32, y.out.size() * sizeof(float)) == 0);
}

TEST(attention_over_a_cache_gives_the_bits_of_training) {
  for (int64_t headDim : {16, 24, 64}) {
    const int64_t n = 150, heads = 4, kvHeads = 2;
    const Case x = make(heads, kvHeads, headDim, {0, static_cast<int32_t>(n)});
    const Output whole = forward(x);
    const int64_t headFloats = parl::keyPanelFloats(n, headDim);
    std::vector<float> panels(static_cast<size_t>(headFloats * kvHeads), std::numeric_limits<float>::quiet_NaN());
    std::vector<float> out(x.q.size()), lse(static_cast<size_t>(n * heads));
    // A prompt of 37 tokens, a second piece of 60, then one token at a time.
    for (int64_t at = 0; at < n;) {
      const int64_t queries = at == 0 ? 37 : at == 37 ? 60 : 1;
      for (int64_t h = 0; h < kvHeads; ++h) {
        parl::packKeys(x.k.data() + (at * kvHeads + h) * headDim, kvHeads * headDim, at, queries, headDim, panels.data() + h * headFloats);
      }
      const parl::AttentionSegment segment{x.q.data() + at * heads * headDim, out.data() + at * heads * headDim, lse.data() + at * heads,
                                           queries, at, panels.data(), headFloats, x.v.data(), headDim, kvHeads * headDim};
      parl::attentionSegments(&segment, 1, x.shape);
      at += queries;
    }
    CHECK(out == whole.out);
    CHECK(lse == whole.lse);
  }
}

// A prompt of 70 rows that two segments continue, one of which two more continue, and one that stands alone.
TEST(attention_over_shared_beginnings_is_that_of_whole_sequences) {
  Case x = make(4, 2, 24, {0, 70, 90, 90, 125, 131, 172, 180});
  x.parents = {-1, 0, 0, 1, 1, 0, -1};
  const Output y = forward(x);
  const auto dOut = parl::test::mixedFloats(4, x.q.size());
  std::vector<float> dq(x.q.size()), dk(x.k.size()), dv(x.v.size());
  parl::attentionBackward(dOut.data(), x.q.data(), x.k.data(), x.v.data(), y.out.data(), y.lse.data(), x.segments(), dq.data(), dk.data(),
                          dv.data(), x.shape);
  std::vector<double> sumK(x.k.size()), sumV(x.v.size());
  for (int32_t s = 0; s < x.segments().count; ++s) {
    std::vector<size_t> rows;  // of the ancestors, then of the segment
    for (int32_t at = s; at >= 0; at = x.parents[static_cast<size_t>(at)]) {
      const int32_t begin = x.offsets[static_cast<size_t>(at)], end = x.offsets[static_cast<size_t>(at) + 1];
      std::vector<size_t> own;
      for (int32_t row = begin; row < end; ++row) own.push_back(static_cast<size_t>(row));
      rows.insert(rows.begin(), own.begin(), own.end());
    }
    const auto take = [&](const std::vector<float>& all, size_t width) {
      std::vector<float> some;
      for (size_t row : rows) some.insert(some.end(), all.begin() + static_cast<int64_t>(row * width), all.begin() + static_cast<int64_t>((row + 1) * width));
      return some;
    };
    const Case whole{x.shape, {0, static_cast<int32_t>(rows.size())}, take(x.q, 96), take(x.k, 48), take(x.v, 48)};
    const Output expected = forward(whole);
    // Upstream gradients of the segment's own rows alone: those of the ancestors count once, with their own segment.
    std::vector<float> upstream = take(dOut, 96);
    const size_t before = rows.size() - static_cast<size_t>(x.offsets[static_cast<size_t>(s) + 1] - x.offsets[static_cast<size_t>(s)]);
    std::fill_n(upstream.begin(), before * 96, 0.0f);
    std::vector<float> wholeDq(whole.q.size()), wholeDk(whole.k.size()), wholeDv(whole.v.size());
    parl::attentionBackward(upstream.data(), whole.q.data(), whole.k.data(), whole.v.data(), expected.out.data(), expected.lse.data(),
                            whole.segments(), wholeDq.data(), wholeDk.data(), wholeDv.data(), x.shape);
    for (size_t i = 0; i < rows.size(); ++i) {
      if (i >= before) {
        CHECK(std::memcmp(&y.out[rows[i] * 96], &expected.out[i * 96], 96 * sizeof(float)) == 0);
        CHECK(std::memcmp(&y.lse[rows[i] * 4], &expected.lse[i * 4], 4 * sizeof(float)) == 0);
        for (size_t c = 0; c < 96; ++c) CHECK_NEAR(dq[rows[i] * 96 + c], wholeDq[i * 96 + c], 2e-6);
      }
      for (size_t c = 0; c < 48; ++c) {
        sumK[rows[i] * 48 + c] += wholeDk[i * 48 + c];
        sumV[rows[i] * 48 + c] += wholeDv[i * 48 + c];
      }
    }
  }
  for (size_t i = 0; i < sumK.size(); ++i) {
    CHECK_NEAR(dk[i], sumK[i], 2e-5);
    CHECK_NEAR(dv[i], sumV[i], 2e-5);
  }
  for (int threads : {1, 3}) {
    parl::setThreadCount(threads);
    std::vector<float> againQ(x.q.size()), againK(x.k.size()), againV(x.v.size());
    parl::attentionBackward(dOut.data(), x.q.data(), x.k.data(), x.v.data(), y.out.data(), y.lse.data(), x.segments(), againQ.data(),
                            againK.data(), againV.data(), x.shape);
    CHECK(forward(x).out == y.out && againQ == dq && againK == dk && againV == dv);
  }
  parl::setThreadCount(2);
}

TEST(attention_does_not_let_a_later_token_reach_an_earlier_row) {
  Case x = make(2, 1, 32, {0, 64});
  const Output clean = forward(x);
  for (size_t c = 0; c < 32; ++c) {
    x.k[40 * 32 + c] = std::numeric_limits<float>::quiet_NaN();
    x.v[40 * 32 + c] = std::numeric_limits<float>::infinity();
  }
  const Output y = forward(x);
  CHECK(std::memcmp(y.out.data(), clean.out.data(), 40 * 2 * 32 * sizeof(float)) == 0);
  CHECK(std::isnan(y.out[40 * 2 * 32]));
}
