import type { GammaOptions } from '../gamma-weights.js';
import type { ImportanceOptions, RejectionOptions } from '../importance.js';
import type { ReferenceRows } from './token-credit.js';

/** `importanceWeights` in float64. */
export function importanceWeightsReference(
  logprobs: ArrayLike<number>,
  rolloutLogprobs: ArrayLike<number>,
  { mask, offsets }: ReferenceRows,
  { level, bound, low = 0, high, logRatioBound = 20, missing, normalize = false }: ImportanceOptions,
): Float64Array {
  const weights = new Float64Array(logprobs.length);
  const means: number[] = [];
  for (const tokens of sampledRows(mask, offsets)) {
    const ratios = tokens.map((t) => {
      const d = logprobs[t]! - rolloutLogprobs[t]!;
      return missing === 'ratio_one' && Number.isNaN(rolloutLogprobs[t]) ? 0 : d;
    });
    const whole = ratios.reduce((sum, d) => sum + d, 0);
    for (const [i, t] of tokens.entries()) {
      const log = Math.min(Math.max(level === 'token' ? ratios[i]! : whole, -logRatioBound), logRatioBound);
      const weight = Math.exp(log);
      if (bound === 'truncate') weights[t] = Math.min(Math.max(weight, low), high);
      else weights[t] = weight >= low && weight <= high ? weight : 0;
    }
    if (level === 'sequence' && tokens.length > 0) means.push(weights[tokens[0]!]!);
    if (level === 'token') means.push(...tokens.map((t) => weights[t]!));
  }
  const mean = means.reduce((sum, weight) => sum + weight, 0) / Math.max(1, means.length);
  return normalize && mean > 1e-8 ? weights.map((weight) => weight / mean) : weights;
}

/** `rejectMismatched` in float64. */
export function rejectMismatchedReference(
  logprobs: ArrayLike<number>,
  rolloutLogprobs: ArrayLike<number>,
  { mask, offsets }: ReferenceRows,
  { statistic, extent, low, high }: RejectionOptions,
): { readonly keep: Uint8Array; readonly values: Float64Array } {
  const keep = new Uint8Array(logprobs.length);
  const values = new Float64Array(logprobs.length);
  const [least, most] =
    statistic === 'k1' ? [Math.log(low ?? 1 / high), Math.log(high)] : [Number.NEGATIVE_INFINITY, high];
  for (const tokens of sampledRows(mask, offsets)) {
    const each = tokens.map((t) => {
      const d = Math.min(Math.max(logprobs[t]! - rolloutLogprobs[t]!, -20), 20);
      return { k1: d, k2: (d * d) / 2, k3: Math.expm1(d) - d }[statistic];
    });
    const sum = each.reduce((total, value) => total + value, 0);
    const whole = { token: 0, sum, mean: sum / tokens.length, largest: Math.max(...each) }[extent];
    for (const [i, t] of tokens.entries()) {
      values[t] = extent === 'token' ? each[i]! : whole;
      keep[t] = values[t] >= least && values[t] <= most ? 1 : 0;
    }
  }
  return { keep, values };
}

/** `offPolicyMask` in float64. */
export function offPolicyMaskReference(
  logprobs: ArrayLike<number>,
  samplingLogprobs: ArrayLike<number>,
  advantages: ArrayLike<number>,
  { mask, offsets }: ReferenceRows,
  threshold: number,
): Uint8Array {
  const keep = new Uint8Array(logprobs.length);
  for (const tokens of sampledRows(mask, offsets)) {
    const gaps = tokens.map((t) => (Number.isNaN(samplingLogprobs[t]) ? 0 : samplingLogprobs[t]! - logprobs[t]!));
    const mean = gaps.reduce((sum, gap) => sum + gap, 0) / Math.max(1, tokens.length);
    for (const t of tokens) keep[t] = mean <= threshold || advantages[t]! >= 0 ? 1 : 0;
  }
  return keep;
}

/** `gammaWeights` in float64. */
export function gammaWeightsReference(
  logprobs: ArrayLike<number>,
  oldLogprobs: ArrayLike<number>,
  advantages: ArrayLike<number>,
  { mask, offsets }: ReferenceRows,
  { kPositive = 2, lambdaPositive = 3, kNegative = 3, lambdaNegative = 2, rolloutWeights }: GammaOptions = {},
): Float64Array {
  const weights = new Float64Array(logprobs.length);
  const clamp = (x: number, low: number): number => Math.min(Math.max(x, low), 20);
  for (const tokens of sampledRows(mask, offsets)) {
    let log = 0;
    for (const t of tokens) {
      log += clamp(logprobs[t]! - oldLogprobs[t]!, -20);
      if (rolloutWeights !== undefined) log += clamp(Math.log(rolloutWeights[t]!), Math.log(1e-8));
    }
    log = clamp(log, Math.log(1e-8));
    for (const t of tokens) {
      const [k, lambda] = advantages[t]! >= 0 ? [kPositive, lambdaPositive] : [kNegative, lambdaNegative];
      weights[t] = Math.exp(lambda + k * log - lambda * Math.exp(log));
    }
  }
  return weights;
}

/** `highEntropyMask`: sort, interpolate, compare. */
export function highEntropyMaskReference(
  entropies: ArrayLike<number>,
  mask: ArrayLike<number>,
  quantile: number,
): Uint8Array {
  const sampled = Array.from(entropies)
    .filter((_, t) => mask[t] !== 0)
    .sort((a, b) => a - b);
  const rank = quantile * (sampled.length - 1);
  const below = sampled[Math.floor(rank)] ?? 0;
  const above = sampled[Math.ceil(rank)] ?? 0;
  const threshold = Math.fround(below + (rank - Math.floor(rank)) * (above - below));
  return Uint8Array.from(entropies, (entropy, t) => (mask[t] !== 0 && entropy >= threshold ? 1 : 0));
}

function sampledRows(mask: ArrayLike<number>, offsets: ArrayLike<number>): number[][] {
  return Array.from({ length: offsets.length - 1 }, (_, row) => {
    const tokens: number[] = [];
    for (let t = offsets[row]!; t < offsets[row + 1]!; t++) if (mask[t] !== 0) tokens.push(t);
    return tokens;
  });
}
