#include "core/importance.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "core/thread_pool.h"

namespace parl {
namespace {

constexpr double kMismatchBound = 20;

// Calls f(row, begin, end): exponentials make a token dearer here than in other work on rows.
template <typename F>
void forEachRange(const TokenRows& rows, F&& f) {
  parallelFor(static_cast<int64_t>(rows.rows()), std::max<int64_t>(1, rowGrain(rows) / 4), [&](int64_t first, int64_t last) {
    for (auto row = static_cast<size_t>(first); row < static_cast<size_t>(last); ++row) {
      f(row, static_cast<size_t>(rows.begin(row)), static_cast<size_t>(rows.begin(row) + rows.length(row)));
    }
  });
}

double bounded(double weight, const ImportanceOptions& options) {
  if (options.bound == ImportanceBound::truncate) return std::min(std::max(weight, options.low), options.high);
  return weight >= options.low && weight <= options.high ? weight : 0;
}

}  // namespace

double importanceWeights(const float* logprobs, const float* rolloutLogprobs, const TokenRows& rows, const ImportanceOptions& options,
                         float* weights) {
  const bool ofSequence = options.level == ImportanceLevel::sequence;
  std::vector<double> sums(rows.rows());
  std::vector<int64_t> counts(rows.rows());
  const auto weightOf = [&](double logRatio) {
    const double b = options.logRatioBound;
    return static_cast<float>(bounded(std::exp(std::clamp(logRatio, -b, b)), options));
  };
  forEachRange(rows, [&](size_t row, size_t begin, size_t end) {
    double logRatio = 0;
    int64_t count = 0;
    for (size_t t = begin; t < end; ++t) {
      weights[t] = 0;
      if (rows.mask[t] == 0) continue;
      const bool missing = options.missingIsOne && std::isnan(rolloutLogprobs[t]);
      const double d = missing ? 0 : static_cast<double>(logprobs[t]) - static_cast<double>(rolloutLogprobs[t]);
      ++count;
      logRatio += d;
      if (!ofSequence) {
        weights[t] = weightOf(d);
        sums[row] += static_cast<double>(weights[t]);
      }
    }
    counts[row] = count;
    if (!ofSequence || count == 0) return;
    const float weight = weightOf(logRatio);
    sums[row] = static_cast<double>(weight);
    for (size_t t = begin; t < end; ++t) weights[t] = rows.mask[t] == 0 ? 0 : weight;
  });
  if (!options.normalize) return 1;
  double sum = 0, count = 0;
  for (size_t row = 0; row < rows.rows(); ++row) {
    sum += sums[row];
    count += ofSequence ? static_cast<double>(counts[row] > 0) : static_cast<double>(counts[row]);
  }
  const double mean = count > 0 ? sum / count : 0;
  if (!(mean > 1e-8)) return 1;
  for (int32_t t = 0; t < rows.offsets.back(); ++t) weights[t] = static_cast<float>(static_cast<double>(weights[t]) / mean);
  return mean;
}

void rejectionMask(const float* logprobs, const float* rolloutLogprobs, const TokenRows& rows, const RejectionOptions& options,
                   uint8_t* keep, float* values) {
  const auto statistic = [&](size_t t) {
    const double d = std::clamp(static_cast<double>(logprobs[t]) - static_cast<double>(rolloutLogprobs[t]), -kMismatchBound,
                                kMismatchBound);
    switch (options.statistic) {
      case MismatchStatistic::k1: return d;
      case MismatchStatistic::k2: return d * d / 2;
      case MismatchStatistic::k3: return std::expm1(d) - d;
    }
    return d;
  };
  const bool isLog = options.statistic == MismatchStatistic::k1;
  const double low = isLog ? std::log(options.low) : -std::numeric_limits<double>::infinity();
  const double high = isLog ? std::log(options.high) : options.high;
  const auto within = [&](double value) { return value >= low && value <= high; };
  forEachRange(rows, [&](size_t, size_t begin, size_t end) {
    double sum = 0, largest = 0;
    int64_t count = 0;
    for (size_t t = begin; t < end; ++t) {
      keep[t] = 0;
      values[t] = 0;
      if (rows.mask[t] == 0) continue;
      const double value = statistic(t);
      values[t] = static_cast<float>(value);
      keep[t] = within(value);
      sum += value;
      largest = count == 0 ? value : std::max(largest, value);
      ++count;
    }
    if (options.extent == MismatchExtent::token || count == 0) return;
    const double whole = options.extent == MismatchExtent::sum    ? sum
                         : options.extent == MismatchExtent::mean ? sum / static_cast<double>(count)
                                                                  : largest;
    for (size_t t = begin; t < end; ++t) {
      if (rows.mask[t] == 0) continue;
      keep[t] = within(whole);
      values[t] = static_cast<float>(whole);
    }
  });
}

void offPolicyMask(const float* logprobs, const float* samplingLogprobs, const float* advantages, const TokenRows& rows,
                   double threshold, uint8_t* keep) {
  forEachRange(rows, [&](size_t, size_t begin, size_t end) {
    double sum = 0, count = 0;
    for (size_t t = begin; t < end; ++t) {
      if (rows.mask[t] == 0) continue;
      ++count;
      if (!std::isnan(samplingLogprobs[t])) sum += static_cast<double>(samplingLogprobs[t]) - static_cast<double>(logprobs[t]);
    }
    const bool near = count == 0 || sum / count <= threshold;
    for (size_t t = begin; t < end; ++t) keep[t] = rows.mask[t] != 0 && (near || advantages[t] >= 0);
  });
}

void gammaWeights(const float* logprobs, const float* oldLogprobs, const float* advantages, const float* rolloutWeights,
                  const TokenRows& rows, const GammaOptions& o, float* weights) {
  const double least = std::log(1e-8);
  forEachRange(rows, [&](size_t, size_t begin, size_t end) {
    double logWeight = 0;
    for (size_t t = begin; t < end; ++t) {
      weights[t] = 0;
      if (rows.mask[t] == 0) continue;
      logWeight += std::clamp(static_cast<double>(logprobs[t]) - static_cast<double>(oldLogprobs[t]), -kMismatchBound, kMismatchBound);
      if (rolloutWeights != nullptr) logWeight += std::clamp(std::log(static_cast<double>(rolloutWeights[t])), least, kMismatchBound);
    }
    logWeight = std::clamp(logWeight, least, kMismatchBound);
    const auto phi = [&](double k, double lambda) {
      return static_cast<float>(std::exp(lambda + k * logWeight - lambda * std::exp(logWeight)));
    };
    const float positive = phi(o.kPositive, o.lambdaPositive), negative = phi(o.kNegative, o.lambdaNegative);
    for (size_t t = begin; t < end; ++t) {
      if (rows.mask[t] != 0) weights[t] = advantages[t] >= 0 ? positive : negative;
    }
  });
}

void highEntropyMask(const float* entropies, std::span<const uint8_t> mask, double quantile, uint8_t* keep) {
  std::vector<float> sampled;
  for (size_t t = 0; t < mask.size(); ++t) {
    if (mask[t] != 0) sampled.push_back(entropies[t]);
  }
  if (sampled.empty()) {
    std::fill(keep, keep + mask.size(), uint8_t{0});
    return;
  }
  // Order statistic of rank quantile (n - 1), by linear interpolation between its neighbours.
  const double rank = quantile * static_cast<double>(sampled.size() - 1);
  const auto below = static_cast<size_t>(rank);
  std::nth_element(sampled.begin(), sampled.begin() + static_cast<ptrdiff_t>(below), sampled.end());
  const auto lower = static_cast<double>(sampled[below]);
  double threshold = lower;
  if (below + 1 < sampled.size()) {
    const auto upper = static_cast<double>(*std::min_element(sampled.begin() + static_cast<ptrdiff_t>(below) + 1, sampled.end()));
    threshold += (rank - static_cast<double>(below)) * (upper - lower);
  }
  const auto limit = static_cast<float>(threshold);
  for (size_t t = 0; t < mask.size(); ++t) keep[t] = mask[t] != 0 && entropies[t] >= limit;
}

}  // namespace parl
