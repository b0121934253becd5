// One row of a policy loss, forward and backward in one pass (two where the ratio is the row's).
//
// Blocks of kAhead vectors, each in two phases: log-ratios, their exponentials and what is summed of both; then the objective and its
// derivative by conditions, the gradient, loss and clips. One chain from a log-ratio to the sums would be a hundred cycles long, of too
// many instructions for the processor to overlap two of them. Loss, log-ratio and k3 are added four vectors at a time in
// single precision, then in double; clips are counted in integer lanes. That is some 17 bytes and 65 instructions for 4 to 16 tokens,
// so the pass is bound by arithmetic, not by memory: an objective is a template argument, the rest of the options are broadcast
// once a row.
#include "core/policy_loss.h"

#include "core/kernels/kl.h"
#include "core/kernels/masks.h"

namespace parl::PARL_ISA {
namespace {

const float kInfinity = __builtin_inff();
constexpr int kLineFloats = 16;  // of a cache line

// The coefficient of the KL at a token. Tokens that were not sampled have 0, where there are weights.
inline Vec klScale(const PolicyTokens& in, int64_t i, int lanes, Mask sampled, Vec coefficient) {
  return in.klWeights == nullptr ? coefficient : coefficient * sampledAt(sampled, in.klWeights + i, lanes);
}

// The options of one row, broadcast.
struct Constants {
  Vec low, high, cap, dual, tauPositive, tauNegative, beta;
  bool isCapped, isDual;
  explicit Constants(const PolicyLossOptions& o)
      : low(splat(o.low)), high(splat(o.high)), cap(splat(o.ratioCap)), dual(splat(o.dualClip)), tauPositive(splat(o.tauPositive)),
        tauNegative(splat(o.tauNegative)), beta(splat(o.beta)), isCapped(o.ratioCap > 0), isDual(o.dualClip > 0) {
    // Nothing is above -A times infinity where A < 0: the plain path needs no branch.
    if (!isDual) dual = splat(kInfinity);
  }
};

// Value of an objective; its derivative by the log-ratio (through the ratio) and, apart, by the logprob itself.
struct Objective {
  Vec value, byRatio, byLogprob;
  Mask clipped, dual, low, high;
};

// `isPlain`: no cap. Where a token was not sampled its advantage is 0, and no condition holds.
template <PolicyObjective kind, bool isPlain = false>
inline Objective objectiveOf(Vec ratio, Vec a, Vec logprob, Vec logRatio, const Constants& c) {
  Objective f{};
  const Vec zero = splat(0.0f);
  const Mask positive = less(zero, a), negative = less(a, zero);
  Vec r = ratio;
  if constexpr (kind == PolicyObjective::clip) {
    const bool isCapped = !isPlain && c.isCapped;
    if (isCapped) r = vmin(c.cap, ratio);
    const Vec plain = -a * r, held = -a * clamped(ratio, c.low, c.high);
    f.clipped = less(plain, held);
    f.value = vmax(held, plain);
    Mask passes = ~f.clipped;
    // The clipped term can win inside the bounds only where the cap holds the other one down.
    if (isCapped) passes = (f.clipped & less(c.low, ratio) & less(ratio, c.high)) | (passes & less(ratio, c.cap));
    if (isPlain || c.isDual) {
      const Vec most = -a * c.dual;
      f.dual = less(most, f.value, negative);
      f.value = select(f.dual, most, f.value);
      passes = passes & ~f.dual;
    }
    f.byRatio = kept(passes, isPlain ? plain : -a * ratio);
  } else if constexpr (kind == PolicyObjective::cispo) {
    const Vec held = -a * clamped(ratio, c.low, c.high);
    f.clipped = less(ratio, c.low) | less(c.high, ratio);
    f.value = held * logprob;
    f.byLogprob = held;
  } else if constexpr (kind == PolicyObjective::sapo) {
    const Vec tau = select(positive, c.tauPositive, c.tauNegative);
    // 1 - sigmoid is e * sigmoid, without the cancellation; the exponent is held where e stays finite.
    const Vec e = vexp(vmin(splat(80.0f), tau * (splat(1.0f) - ratio))), gate = splat(1.0f) / (splat(1.0f) + e);
    f.value = -a * gate * (splat(4.0f) / tau);
    f.byRatio = -a * splat(4.0f) * gate * (e * gate) * ratio;
  } else if constexpr (kind == PolicyObjective::reinforce) {
    f.value = -a * logprob;
    f.byLogprob = -a;
  } else {
    f.value = splat(0.5f) * c.beta * logRatio * logRatio - a * logprob;
    f.byLogprob = c.beta * logRatio - a;
  }
  f.low = less(r, c.low, negative);
  f.high = less(c.high, r, positive);
  return f;
}

// Sums that every objective keeps, in registers while a row is walked.
struct Tally {
  SumD loss, logRatio, k3, ratio, kl;
  VecI tokens = {}, clipped = {}, dual = {}, low = {}, high = {};
  Vec smallest = splat(kInfinity), largest = splat(-kInfinity);

  void write(double rowWeight, PolicyRowStatistics& s) const {
    s.loss = rowWeight * loss.total();
    s.tokens = static_cast<double>(countLanes(tokens));
    s.logRatio = logRatio.total();
    s.k3 = k3.total();
    s.ratio = ratio.total();
    s.clipped = static_cast<double>(countLanes(clipped));
    s.dual = static_cast<double>(countLanes(dual));
    s.low = static_cast<double>(countLanes(low));
    s.high = static_cast<double>(countLanes(high));
    s.kl = kl.total();
    s.smallestRatio = s.tokens == 0 ? 1 : static_cast<double>(-reduceMax(-smallest));
    s.largestRatio = s.tokens == 0 ? 1 : static_cast<double>(reduceMax(largest));
  }
};

struct RowRatio {
  double mean = 0, sum = 0, count = 0;
};
RowRatio rowRatio(const PolicyTokens& in, int64_t n) {
  SumD sum;
  VecI count = {};
  for (int64_t i = 0; i < n; i += kWidth) {
    const int lanes = n - i < kWidth ? static_cast<int>(n - i) : kWidth;
    const Mask sampled = sampledLanes(in.mask + i, lanes);
    sum.add(sampledAt(sampled, in.logprobs + i, lanes) - sampledAt(sampled, in.oldLogprobs + i, lanes));
    countUp(count, sampled);
  }
  RowRatio row;
  row.sum = sum.total();
  row.count = static_cast<double>(countLanes(count));
  row.mean = row.count > 0 ? row.sum / row.count : 0;
  return row;
}

// `isPlain`: a token's own ratio within bounds but without a cap, no weights, no KL. Without those options the loop has half the instructions.
template <PolicyObjective kind, bool ofSequence, bool isPlain = false>
void tokenObjectives(const PolicyTokens& in, int64_t n, double rowWeight, const PolicyLossOptions& o, float* gradient,
                     PolicyRowStatistics& statistics) {
  const Constants c(o);
  const Vec weight = splat(static_cast<float>(rowWeight)), logRatioMin = splat(o.logRatioMin), logRatioMax = splat(o.logRatioMax);
  const bool hasKl = !isPlain && in.referenceLogprobs != nullptr && o.kl.estimator != KlEstimator::none;
  const Vec klCoefficient = splat(o.kl.coefficient);
  Tally tally;

  Vec rowLogRatio = {}, rowRatioValue = {};
  Mask rowInside = allLanes();
  double perToken = 1;  // d log(sequence ratio) / d logprob of one of its tokens
  if constexpr (ofSequence) {
    const RowRatio row = rowRatio(in, n);
    const float raw = static_cast<float>(o.level == RatioLevel::sequenceMean ? row.mean : row.sum);
    perToken = o.level == RatioLevel::sequenceMean && row.count > 0 ? 1 / row.count : 1;
    const Vec wide = splat(raw);
    rowInside = less(logRatioMin, wide) & less(wide, logRatioMax);
    rowLogRatio = clamped(wide, logRatioMin, logRatioMax);
    rowRatioValue = vexp(rowLogRatio);
  }
  const bool spreads = ofSequence && o.sequenceGradient;
  SumD throughRatio;  // derivative of the row's loss by the log of its ratio

  // A block of N vectors, or one of `lanes` tokens.
  auto block = [&]<int N>(int64_t begin, int lanes) __attribute__((always_inline)) {
    Mask sampledLane[N], insideLane[N];
    Vec exponential[N];
    constexpr int kTogether = N < 4 ? N : 4;
    for (int v = 0; v < N; v += kTogether) {
      Vec logRatios = {}, curves = {};
#pragma GCC unroll 4
      for (int u = v; u < v + kTogether; ++u) {
        const int64_t i = begin + u * kWidth;
        const Mask sampled = sampledLane[u] = sampledLanes(in.mask + i, lanes);
        const Vec raw = sampledAt(sampled, in.logprobs + i, lanes) - sampledAt(sampled, in.oldLogprobs + i, lanes);
        insideLane[u] = ofSequence ? rowInside : less(raw, logRatioMax, less(logRatioMin, raw, sampled));
        // With a ratio of the row the bounds are for its log, and tokens enter the sums as they are.
        const Vec d = ofSequence ? raw : clamped(raw, logRatioMin, logRatioMax);
        Vec curve;
        if constexpr (isPlain) {
          const ExpAndCurve both = vexpAndCurve(d);
          exponential[u] = both.e;
          curve = both.curve;
        } else {
          exponential[u] = vexp(d);
          curve = expMinusLine(d, exponential[u]);
        }
        logRatios = u == v ? d : logRatios + d;  // 0 where not sampled
        curves = u == v ? curve : curves + curve;
      }
      tally.logRatio.add(logRatios);
      tally.k3.add(curves);
    }
    for (int v = 0; v < N; v += kTogether) {
      Vec values = {};
#pragma GCC unroll 4
      for (int u = v; u < v + kTogether; ++u) {
        const int64_t i = begin + u * kWidth;
        const Mask sampled = sampledLane[u];
        const Vec a = sampledAt(sampled, in.advantages + i, lanes);
        Vec logprob = {}, logRatio = {}, ratio = exponential[u];
        if constexpr (!isPlain) {
          logprob = sampledAt(sampled, in.logprobs + i, lanes);
          logRatio = ofSequence && kind != PolicyObjective::quadratic ? rowLogRatio : logprob - sampledAt(sampled, in.oldLogprobs + i, lanes);
        }
        if constexpr (ofSequence) ratio = rowRatioValue;
        Objective f = objectiveOf<kind, isPlain>(ratio, a, logprob, logRatio, c);
        if (!isPlain && in.weights != nullptr) {
          const Vec w = sampledAt(sampled, in.weights + i, lanes);
          f.value *= w;
          f.byRatio *= w;
          f.byLogprob *= w;
        }
        Vec byRatio = kept(insideLane[u], f.byRatio), byLogprob = f.byLogprob, value = f.value;
        if (hasKl) {
          const Vec scale = klScale(in, i, lanes, sampled, klCoefficient);
          Kl kl = klOf(logprob - sampledAt(sampled, in.referenceLogprobs + i, lanes), o.kl);
          if (o.kl.timesRatio) {
            byRatio += scale * kept(insideLane[u], kl.value * ratio);
            kl.slope *= ratio;
            kl.value *= ratio;
          }
          value += scale * kl.value;
          byLogprob += scale * kl.slope;
          tally.kl.add(kept(sampled, kl.value));
        }
        if (spreads) {
          throughRatio.add(kept(sampled, byRatio));
          put(gradient + i, kept(sampled, weight * byLogprob), lanes);
        } else {
          const Vec whole = weight * (byRatio + byLogprob);  // plain: the sum makes 0 of -0
          put(gradient + i, isPlain ? whole : kept(sampled, whole), lanes);
        }
        if constexpr (!isPlain) {
          value = kept(sampled, value);
          tally.ratio.add(kept(sampled, ratio));
        }
        values = u == v ? value : values + value;
        countUp(tally.tokens, sampled);
        countUp(tally.clipped, isPlain ? f.clipped : f.clipped & sampled);
        countUp(tally.dual, f.dual);
        countUp(tally.low, f.low);
        countUp(tally.high, f.high);
        keepSmaller(tally.smallest, sampled, ratio);
        keepLarger(tally.largest, sampled, ratio);
      }
      tally.loss.add(values);
    }
  };
  constexpr int kAhead = 16;
  int64_t i = 0;
  for (; i + kAhead * kWidth <= n; i += kAhead * kWidth) {
    // Runs of tokens that were not sampled add nothing but zeros.
    if (!anySampled(in.mask + i, kAhead * kWidth)) {
      for (int v = 0; v < kAhead; ++v) store(gradient + i + v * kWidth, splat(0.0f));
      continue;
    }
    for (int64_t next = i + kAhead * kWidth, end = next + kAhead * kWidth; next < end; next += kLineFloats) {
      __builtin_prefetch(in.logprobs + next);
      __builtin_prefetch(in.oldLogprobs + next);
      __builtin_prefetch(in.advantages + next);
      __builtin_prefetch(gradient + next, 1);
    }
    block.template operator()<kAhead>(i, kWidth);
  }
  for (; i < n; i += kWidth) block.template operator()<1>(i, n - i < kWidth ? static_cast<int>(n - i) : kWidth);

  if (spreads) {
    const Vec share = splat(static_cast<float>(rowWeight * throughRatio.total() * perToken));
    for (int64_t t = 0; t < n; t += kWidth) {
      const int lanes = n - t < kWidth ? static_cast<int>(n - t) : kWidth;
      put(gradient + t, floatsAt(gradient + t, lanes) + kept(sampledLanes(in.mask + t, lanes), share), lanes);
    }
  }
  tally.write(rowWeight, statistics);
  // e^d is (e^d - 1 - d) + 1 + d, and those are added up already.
  if constexpr (isPlain) statistics.ratio = statistics.k3 + statistics.tokens + statistics.logRatio;
}

void geometricMean(const PolicyTokens& in, int64_t n, double rowWeight, const PolicyLossOptions& o, float* gradient,
                   PolicyRowStatistics& statistics) {
  const Vec low = splat(o.low), high = splat(o.high), zero = splat(0.0f), klCoefficient = splat(o.kl.coefficient);
  const bool hasKl = in.referenceLogprobs != nullptr && o.kl.estimator != KlEstimator::none;
  Tally tally;
  SumD clippedSum, advantageSum;
  double logWeights = 0;
  // First pass: the row's clipped mean. The gradient array holds 1 where a token's log-ratio moves it.
  for (int64_t i = 0; i < n; i += kWidth) {
    const int lanes = n - i < kWidth ? static_cast<int>(n - i) : kWidth;
    const Mask sampled = sampledLanes(in.mask + i, lanes);
    const Vec a = sampledAt(sampled, in.advantages + i, lanes);
    const Vec d = sampledAt(sampled, in.logprobs + i, lanes) - sampledAt(sampled, in.oldLogprobs + i, lanes);
    const Vec bounded = clamped(d, low, high);
    const Mask above = less(zero, a), below = less(a, zero), isLow = less(d, low), isHigh = less(high, d);
    // min(d, bounded) where A > 0, max where A < 0, nothing where A = 0.
    const Vec used = select(above, vmin(d, bounded), kept(below, vmax(d, bounded)));
    clippedSum.add(used);
    advantageSum.add(a);
    put(gradient + i, kept((above | below) & equal(used, d), splat(1.0f)), lanes);
    const Vec e = vexp(d);
    tally.logRatio.add(d);
    tally.k3.add(expMinusLine(d, e));
    tally.ratio.add(kept(sampled, e));
    countUp(tally.tokens, sampled);
    countUp(tally.clipped, (isLow | isHigh) & above);
    countUp(tally.dual, (isLow | isHigh) & below);
    countUp(tally.low, isLow & below);
    countUp(tally.high, isHigh & above);
    keepSmaller(tally.smallest, sampled, e);
    keepLarger(tally.largest, sampled, e);
  }
  if (in.weights != nullptr) {
    for (int64_t i = 0; i < n; ++i) {
      if (in.mask[i] != 0) logWeights += __builtin_log(static_cast<double>(in.weights[i]) + 1e-10);
    }
  }
  const double count = static_cast<double>(countLanes(tally.tokens)), each = count > 0 ? 1 / count : 0;
  // A mean over tokens has the weight rowWeight * count as a whole.
  const double value = -(advantageSum.total() * each) * __builtin_exp((clippedSum.total() + logWeights) * each);
  const Vec slope = splat(static_cast<float>(rowWeight * value)), weight = splat(static_cast<float>(rowWeight));
  for (int64_t i = 0; i < n; i += kWidth) {
    const int lanes = n - i < kWidth ? static_cast<int>(n - i) : kWidth;
    const Mask sampled = sampledLanes(in.mask + i, lanes);
    Vec g = floatsAt(gradient + i, lanes) * slope;
    if (hasKl) {
      const Kl kl = klOf(sampledAt(sampled, in.logprobs + i, lanes) - sampledAt(sampled, in.referenceLogprobs + i, lanes), o.kl);
      const Vec scale = klScale(in, i, lanes, sampled, klCoefficient);
      g += weight * scale * kl.slope;
      tally.kl.add(kept(sampled, kl.value));
      tally.loss.add(kept(sampled, scale * kl.value));
    }
    put(gradient + i, kept(sampled, g), lanes);
  }
  tally.write(rowWeight, statistics);
  statistics.loss += rowWeight * count * value;
}

template <PolicyObjective kind>
void byLevel(const PolicyTokens& in, int64_t n, double rowWeight, const PolicyLossOptions& o, float* gradient,
             PolicyRowStatistics& statistics) {
  const bool isPlain = o.logRatioMin >= -80 && o.logRatioMax <= 80 && o.ratioCap <= 0 && in.weights == nullptr && (in.referenceLogprobs == nullptr || o.kl.estimator == KlEstimator::none);
  if (kind == PolicyObjective::clip && o.level == RatioLevel::token && isPlain) {
    tokenObjectives<PolicyObjective::clip, false, true>(in, n, rowWeight, o, gradient, statistics);
  } else if (o.level == RatioLevel::token) {
    tokenObjectives<kind, false>(in, n, rowWeight, o, gradient, statistics);
  } else {
    tokenObjectives<kind, true>(in, n, rowWeight, o, gradient, statistics);
  }
}

}  // namespace

void policyLossRow(const PolicyTokens& tokens, int64_t n, double rowWeight, const PolicyLossOptions& options, float* gradient,
                   PolicyRowStatistics& statistics) {
  switch (options.objective) {
    case PolicyObjective::clip: return byLevel<PolicyObjective::clip>(tokens, n, rowWeight, options, gradient, statistics);
    case PolicyObjective::cispo: return byLevel<PolicyObjective::cispo>(tokens, n, rowWeight, options, gradient, statistics);
    case PolicyObjective::sapo: return byLevel<PolicyObjective::sapo>(tokens, n, rowWeight, options, gradient, statistics);
    case PolicyObjective::reinforce:
      return byLevel<PolicyObjective::reinforce>(tokens, n, rowWeight, options, gradient, statistics);
    case PolicyObjective::quadratic:
      return byLevel<PolicyObjective::quadratic>(tokens, n, rowWeight, options, gradient, statistics);
    case PolicyObjective::geometricMean: return geometricMean(tokens, n, rowWeight, options, gradient, statistics);
  }
}

}  // namespace parl::PARL_ISA
