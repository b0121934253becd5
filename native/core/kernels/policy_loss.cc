// One row of a policy loss, forward and backward in one pass (two where the ratio is the row's).
//
// Per vector: load log-probs, old log-probs, advantages and the mask; one exponential; the objective and its derivative by
// selects; store the gradient; add loss, log-ratio, k3 and ratio in double precision, count clips in integer lanes. That is
// some 17 bytes and 60 to 80 instructions for 4 to 16 tokens, so the pass is bound by arithmetic, not by memory: an objective
// is a template argument, the rest of the options are broadcast once a row.
#include "core/policy_loss.h"

#include "core/kernels/lanes.h"

namespace parl::PARL_ISA {
namespace {

const float kInfinity = __builtin_inff();
constexpr int kLineFloats = 16;  // of a cache line

inline Vec floatsAt(const float* p, int lanes) { return lanes == kWidth ? load(p) : loadPartial(p, lanes); }
inline VecI maskAt(const uint8_t* p, int lanes) { return lanes == kWidth ? maskLanes(p) : maskLanesPartial(p, lanes); }
inline void put(float* p, Vec v, int lanes) {
  if (lanes == kWidth) {
    store(p, v);
  } else {
    storePartial(p, v, lanes);
  }
}
inline Vec kept(VecI mask, Vec v) { return (Vec)(mask & (VecI)v); }  // v or 0
// x between the bounds; NaN stays NaN.
inline Vec clamped(Vec x, Vec low, Vec high) { return vmin(high, vmax(low, x)); }
inline Vec magnitude(Vec v) { return (Vec)((VecI)v & splatI(0x7fffffff)); }

// e^x - 1 - x without the cancellation near 0: there the series x^2 (1/2 + x/6 + ...), off by less than 1e-7 relative. `e` is e^x.
inline Vec expMinusLine(Vec x, Vec e) {
  Vec p = splat(1.0f / 40320);
  p = fma(p, x, splat(1.0f / 5040));
  p = fma(p, x, splat(1.0f / 720));
  p = fma(p, x, splat(1.0f / 120));
  p = fma(p, x, splat(1.0f / 24));
  p = fma(p, x, splat(1.0f / 6));
  p = fma(p, x, splat(0.5f));
  return select(magnitude(x) < splat(0.5f), p * x * x, e - splat(1.0f) - x);
}

struct Kl {
  Vec value, slope;
};

// The KL estimate at d = logprob - reference, and its derivative by the logprob.
inline Kl klOf(Vec d, const KlOptions& o) {
  Kl kl{};
  switch (o.estimator) {
    case KlEstimator::none: return kl;
    case KlEstimator::k1: kl = {d, splat(1.0f)}; break;
    case KlEstimator::k2: kl = {splat(0.5f) * d * d, d}; break;
    case KlEstimator::magnitude:
      kl = {magnitude(d), select(d > splat(0.0f), splat(1.0f), select(d < splat(0.0f), splat(-1.0f), splat(0.0f)))};
      break;
    case KlEstimator::k3: {
      const Vec bound = splat(o.exponentBound), x = clamped(-d, -bound, bound);
      const Vec curve = expMinusLine(x, vexp(x)), top = splat(o.valueBound);
      const VecI inside = (magnitude(d) < bound) & (curve < top);
      // d/dlogprob of e^x - 1 - x is -(e^x - 1) = -(curve + x).
      kl = {vmin(top, curve), kept(inside, -(curve + x))};
      break;
    }
  }
  if (o.gradientOfK2) kl.slope = d;
  return kl;
}

// The coefficient of the KL at a token. Tokens that were not sampled have 0, where there are weights.
inline Vec klScale(const PolicyTokens& in, int64_t i, int lanes, VecI sampled, Vec coefficient) {
  return in.klWeights == nullptr ? coefficient : coefficient * kept(sampled, floatsAt(in.klWeights + i, lanes));
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
  VecI clipped, dual, low, high;
};

// `isPlain`: no cap.
template <PolicyObjective kind, bool isPlain = false>
inline Objective objectiveOf(Vec ratio, Vec a, Vec logprob, Vec logRatio, const Constants& c) {
  Objective f{};
  const Vec zero = splat(0.0f);
  Vec r = ratio;
  if constexpr (kind == PolicyObjective::clip) {
    const Vec bounded = clamped(ratio, c.low, c.high);
    VecI passes = splatI(-1);
    if (!isPlain && c.isCapped) {
      r = vmin(c.cap, ratio);
      passes = ratio < c.cap;
    }
    const Vec plain = -a * r, clipped = -a * bounded;
    f.clipped = clipped > plain;
    f.value = select(f.clipped, clipped, plain);
    // The clipped term can win inside the bounds only where the cap holds the other one down.
    passes = !isPlain && c.isCapped ? (f.clipped & (ratio > c.low) & (ratio < c.high)) | (~f.clipped & passes) : ~f.clipped;
    if (isPlain || c.isDual) {
      const Vec most = -a * c.dual;
      f.dual = (f.value > most) & (a < zero);
      f.value = select(f.dual, most, f.value);
      passes &= ~f.dual;
    }
    f.byRatio = kept(passes, -a * ratio);
  } else if constexpr (kind == PolicyObjective::cispo) {
    const Vec held = -a * clamped(ratio, c.low, c.high);
    f.clipped = (ratio < c.low) | (ratio > c.high);
    f.value = held * logprob;
    f.byLogprob = held;
  } else if constexpr (kind == PolicyObjective::sapo) {
    const Vec tau = select(a > zero, c.tauPositive, c.tauNegative);
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
  f.low = (r < c.low) & (a < zero);
  f.high = (r > c.high) & (a > zero);
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
    const VecI sampled = maskAt(in.mask + i, lanes);
    sum.add(kept(sampled, floatsAt(in.logprobs + i, lanes) - floatsAt(in.oldLogprobs + i, lanes)));
    count -= sampled;
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
  VecI rowInside = splatI(-1);
  double perToken = 1;  // d log(sequence ratio) / d logprob of one of its tokens
  if constexpr (ofSequence) {
    const RowRatio row = rowRatio(in, n);
    const float raw = static_cast<float>(o.level == RatioLevel::sequenceMean ? row.mean : row.sum);
    perToken = o.level == RatioLevel::sequenceMean && row.count > 0 ? 1 / row.count : 1;
    const Vec wide = splat(raw);
    rowInside = (wide > logRatioMin) & (wide < logRatioMax);
    rowLogRatio = clamped(wide, logRatioMin, logRatioMax);
    rowRatioValue = vexp(rowLogRatio);
  }
  const bool spreads = ofSequence && o.sequenceGradient;
  SumD throughRatio;  // derivative of the row's loss by the log of its ratio

  // With a ratio of the row the bounds are for its log, and tokens enter the sums as they are.
  auto bounded = [&](Vec raw) __attribute__((always_inline)) { return ofSequence ? raw : clamped(raw, logRatioMin, logRatioMax); };
  auto exponential = [&](int64_t i, int lanes) __attribute__((always_inline)) {
    const VecI sampled = maskAt(in.mask + i, lanes);
    const Vec raw = kept(sampled, floatsAt(in.logprobs + i, lanes)) - kept(sampled, floatsAt(in.oldLogprobs + i, lanes));
    return isPlain ? vexpBelow80(bounded(raw)) : vexp(bounded(raw));
  };
  auto step = [&](int64_t i, int lanes, Vec e) __attribute__((always_inline)) {
    const VecI sampled = maskAt(in.mask + i, lanes);
    const Vec logprob = kept(sampled, floatsAt(in.logprobs + i, lanes));
    const Vec a = kept(sampled, floatsAt(in.advantages + i, lanes));
    const Vec raw = logprob - kept(sampled, floatsAt(in.oldLogprobs + i, lanes));
    const Vec d = bounded(raw);
    Vec ratio = e, logRatio = d;
    VecI inside = (raw > logRatioMin) & (raw < logRatioMax);
    if constexpr (ofSequence) {
      ratio = rowRatioValue;
      logRatio = rowLogRatio;
      inside = rowInside;
    }
    Objective f = objectiveOf<kind, isPlain>(ratio, a, logprob, kind == PolicyObjective::quadratic ? raw : logRatio, c);
    if (!isPlain && in.weights != nullptr) {
      const Vec w = kept(sampled, floatsAt(in.weights + i, lanes));
      f.value *= w;
      f.byRatio *= w;
      f.byLogprob *= w;
    }
    Vec byRatio = kept(inside, f.byRatio), byLogprob = f.byLogprob, value = f.value;
    if (hasKl) {
      const Vec reference = kept(sampled, floatsAt(in.referenceLogprobs + i, lanes));
      const Vec scale = klScale(in, i, lanes, sampled, klCoefficient);
      Kl kl = klOf(logprob - reference, o.kl);
      if (o.kl.timesRatio) {
        byRatio += scale * kept(inside, kl.value * ratio);
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
      put(gradient + i, kept(sampled, weight * (byRatio + byLogprob)), lanes);
    }
    tally.loss.add(kept(sampled, value));
    tally.logRatio.add(d);  // 0 where not sampled
    tally.k3.add(expMinusLine(d, e));
    if constexpr (!isPlain) tally.ratio.add(kept(sampled, ratio));
    tally.tokens -= sampled;
    tally.clipped -= f.clipped & sampled;
    tally.dual -= f.dual & sampled;
    tally.low -= f.low & sampled;
    tally.high -= f.high & sampled;
    tally.smallest = vmin(select(sampled, ratio, splat(kInfinity)), tally.smallest);
    tally.largest = vmax(select(sampled, ratio, splat(-kInfinity)), tally.largest);
  };
  // Runs of tokens that were not sampled add nothing but zeros. Exponentials some vectors ahead: the chain from a log-ratio to the sums is a hundred cycles long and has too many instructions
  // for the processor to overlap two of them.
  constexpr int kAhead = 16;
  Vec ahead[kAhead];
  int64_t i = 0;
  for (; i + kAhead * kWidth <= n; i += kAhead * kWidth) {
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
    for (int v = 0; v < kAhead; ++v) ahead[v] = exponential(i + v * kWidth, kWidth);
    for (int v = 0; v < kAhead; ++v) step(i + v * kWidth, kWidth, ahead[v]);
  }
  for (; i < n; i += kWidth) {
    const int lanes = n - i < kWidth ? static_cast<int>(n - i) : kWidth;
    step(i, lanes, exponential(i, lanes));
  }

  if (spreads) {
    const Vec share = splat(static_cast<float>(rowWeight * throughRatio.total() * perToken));
    for (int64_t t = 0; t < n; t += kWidth) {
      const int lanes = n - t < kWidth ? static_cast<int>(n - t) : kWidth;
      put(gradient + t, floatsAt(gradient + t, lanes) + kept(maskAt(in.mask + t, lanes), share), lanes);
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
    const VecI sampled = maskAt(in.mask + i, lanes);
    const Vec a = kept(sampled, floatsAt(in.advantages + i, lanes));
    const Vec d = kept(sampled, floatsAt(in.logprobs + i, lanes) - floatsAt(in.oldLogprobs + i, lanes));
    const Vec bounded = clamped(d, low, high);
    const VecI above = a > zero, below = a < zero, outside = (d < low) | (d > high);
    // min(d, bounded) where A > 0, max where A < 0, nothing where A = 0.
    const Vec used = select(above, vmin(d, bounded), select(below, vmax(d, bounded), zero));
    const VecI moves = sampled & (above | below) & (used == d);
    clippedSum.add(kept(sampled, used));
    advantageSum.add(a);
    put(gradient + i, kept(moves, splat(1.0f)), lanes);
    const Vec e = vexp(d);
    tally.logRatio.add(d);
    tally.k3.add(expMinusLine(d, e));
    tally.ratio.add(kept(sampled, e));
    tally.tokens -= sampled;
    tally.clipped -= outside & above & sampled;
    tally.dual -= outside & below & sampled;
    tally.low -= (d < low) & below & sampled;
    tally.high -= (d > high) & above & sampled;
    tally.smallest = vmin(select(sampled, e, splat(kInfinity)), tally.smallest);
    tally.largest = vmax(select(sampled, e, splat(-kInfinity)), tally.largest);
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
    const VecI sampled = maskAt(in.mask + i, lanes);
    Vec g = floatsAt(gradient + i, lanes) * slope;
    if (hasKl) {
      const Kl kl = klOf(kept(sampled, floatsAt(in.logprobs + i, lanes) - floatsAt(in.referenceLogprobs + i, lanes)), o.kl);
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

void klPenaltyRange(const float* logprobs, const float* referenceLogprobs, int64_t n, const KlOptions& options, float* values,
                    float* gradients) {
  for (int64_t i = 0; i < n; i += kWidth) {
    const int lanes = n - i < kWidth ? static_cast<int>(n - i) : kWidth;
    const Kl kl = klOf(floatsAt(logprobs + i, lanes) - floatsAt(referenceLogprobs + i, lanes), options);
    put(values + i, kl.value, lanes);
    put(gradients + i, kl.slope, lanes);
  }
}

void valueLossRow(const float* predictions, const float* returns, const float* oldValues, const uint8_t* mask, int64_t n,
                  double rowWeight, float clip, float* gradient, ValueRowStatistics& statistics) {
  const Vec half = splat(0.5f), bound = splat(clip), weight = splat(static_cast<float>(rowWeight));
  SumD loss;
  VecI tokens = {}, clipped = {};
  for (int64_t i = 0; i < n; i += kWidth) {
    const int lanes = n - i < kWidth ? static_cast<int>(n - i) : kWidth;
    const VecI sampled = maskAt(mask + i, lanes);
    const Vec v = kept(sampled, floatsAt(predictions + i, lanes)), target = kept(sampled, floatsAt(returns + i, lanes));
    const Vec old = kept(sampled, floatsAt(oldValues + i, lanes));
    const Vec near = clamped(v, old - bound, old + bound);
    const Vec plain = (v - target) * (v - target), held = (near - target) * (near - target);
    const VecI wins = held > plain;
    loss.add(kept(sampled, half * select(wins, held, plain)));
    put(gradient + i, kept(sampled & ~wins, weight * (v - target)), lanes);
    tokens -= sampled;
    clipped -= wins & sampled;
  }
  statistics = {rowWeight * loss.total(), static_cast<double>(countLanes(tokens)), static_cast<double>(countLanes(clipped))};
}

int32_t sampledCountRow(const uint8_t* mask, int64_t n) {
  VecI count = {};
  int64_t i = 0;
  for (; i + kWidth <= n; i += kWidth) count -= maskLanes(mask + i);
  if (i < n) count -= maskLanesPartial(mask + i, static_cast<int>(n - i));
  return static_cast<int32_t>(countLanes(count));
}

}  // namespace parl::PARL_ISA
