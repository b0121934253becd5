import type { ImportanceOptions, RejectionOptions, TokenRows } from '@parl-mt/native';

/** log-ratios beyond this are clamped before they are exponentiated. */
const LOG_RATIO_BOUND = 20;

/** Which rows means over rows take. */
export interface MismatchOptions {
  /** Rows without a sampled token: left out (default), or counted with a log-prob mean of 0, as verl does. */
  readonly emptyRows?: 'leave_out' | 'count';
}

/**
 * How far the policy being trained is from the one that sampled, log-probs in nats. Both are the same engine in this project,
 * and then every difference is exactly 0 before the first update.
 */
export interface PolicyMismatch {
  /** Mean over rows of exp(-mean log-prob), and of -mean log-prob. */
  readonly trainingPerplexity: number;
  readonly trainingLogPerplexity: number;
  readonly rolloutPerplexity: number;
  readonly rolloutLogPerplexity: number;
  /** mean over tokens of (rollout - training): the k1 estimate of KL(rollout, training). */
  readonly kl: number;
  /** The k3 estimate of the same. */
  readonly klK3: number;
  /** Over rows, of (mean rollout log-prob - mean training log-prob). */
  readonly logPerplexityDifference: number;
  readonly logPerplexityDistance: number;
  readonly logPerplexityDifferenceMax: number;
  readonly logPerplexityDifferenceMin: number;
  readonly perplexityRatio: number;
  /** mean of ratio^2 - 1: the chi-squared divergence, over tokens and over rows (products of ratios). */
  readonly chiSquaredTokens: number;
  readonly chiSquaredRows: number;
}

/**
 * @param logprobs - [tokens], under the weights being trained. @param rolloutLogprobs - [tokens], under the sampler.
 * @throws {RangeError} if no token was sampled.
 */
export function policyMismatch(
  logprobs: ArrayLike<number>,
  rolloutLogprobs: ArrayLike<number>,
  rows: TokenRows,
  { emptyRows = 'leave_out' }: MismatchOptions = {},
): PolicyMismatch {
  const groups = sampledTokens(rows, emptyRows);
  const training = groups.map((tokens) => average(tokens.map((t) => logprobs[t]!)));
  const rollout = groups.map((tokens) => average(tokens.map((t) => rolloutLogprobs[t]!)));
  const difference = rollout.map((value, row) => value - training[row]!);
  const logRatios = groups.map((tokens) => tokens.map((t) => logprobs[t]! - rolloutLogprobs[t]!));
  const flat = logRatios.flat();
  const bounded = (x: number): number => Math.min(Math.max(x, -LOG_RATIO_BOUND), LOG_RATIO_BOUND);
  return {
    trainingPerplexity: average(training.map((value) => Math.exp(-value))),
    trainingLogPerplexity: average(training.map((value) => -value)),
    rolloutPerplexity: average(rollout.map((value) => Math.exp(-value))),
    rolloutLogPerplexity: average(rollout.map((value) => -value)),
    kl: average(flat.map((d) => -d)),
    klK3: average(flat.map((d) => Math.expm1(d) - d)),
    logPerplexityDifference: average(difference),
    logPerplexityDistance: average(difference.map(Math.abs)),
    logPerplexityDifferenceMax: Math.max(...difference),
    logPerplexityDifferenceMin: Math.min(...difference),
    perplexityRatio: average(difference.map(Math.exp)),
    chiSquaredTokens: average(flat.map((d) => Math.exp(bounded(d)) ** 2)) - 1,
    chiSquaredRows: average(logRatios.map((row) => Math.exp(2 * bounded(sum(row))))) - 1,
  };
}

/** What importance weights look like; fractions are of raw ratios beyond the bounds, before truncation. */
export interface ImportanceMetrics {
  readonly mean: number;
  readonly max: number;
  readonly min: number;
  readonly deviation: number;
  /** 1 / mean((w / mean w)^2), in 0..1. */
  readonly effectiveSampleShare: number;
  readonly fractionAbove: number;
  readonly fractionBelow: number;
  /** Of each row's mean weight. */
  readonly rowMean: number;
  readonly rowDeviation: number;
  readonly rowMax: number;
  readonly rowMin: number;
  /** Largest distance of a row's mean weight from 1. */
  readonly rowMaxDistance: number;
  readonly rowFractionAbove: number;
  readonly rowFractionBelow: number;
  /** Share of tokens outside the window of bound 'mask'. */
  readonly outsideFraction: number;
}

/**
 * Describes weights that `importanceWeights` made with the same options, before any normalisation. The lower bound is 1 / high
 * where the options have none. With all weights 0 the effective sample share is 0 (verl divides by zero there).
 *
 * @throws {RangeError} if no token was sampled.
 */
export function importanceMetrics(
  weights: ArrayLike<number>,
  logprobs: ArrayLike<number>,
  rolloutLogprobs: ArrayLike<number>,
  rows: TokenRows,
  { level, high, low }: ImportanceOptions,
  { emptyRows = 'leave_out' }: MismatchOptions = {},
): ImportanceMetrics {
  const groups = sampledTokens(rows, emptyRows);
  const least = low === undefined || low === 0 ? 1 / high : low;
  const ratio = (d: number): number => Math.exp(Math.min(Math.max(d, -LOG_RATIO_BOUND), LOG_RATIO_BOUND));
  const logRatios = groups.map((tokens) => tokens.map((t) => logprobs[t]! - rolloutLogprobs[t]!));
  const products = logRatios.map(sum);
  const raw = logRatios.map((row, r) => row.map((d) => ratio(level === 'token' ? d : products[r]!)));
  const used = groups.map((tokens) => tokens.map((t) => weights[t]!));
  const flat = used.flat();
  const rowMeans = used.map(average);
  const rawMeans = raw.map(average);
  const held = flat.map((weight) => Math.min(Math.max(weight, 0), high));
  const mean = average(held);
  const logs = level === 'token' ? raw.flat().map(Math.log) : products;
  const share = (values: readonly number[], isCounted: (value: number) => boolean): number =>
    average(values.map((value) => (isCounted(value) ? 1 : 0)));
  const ofSequence = level === 'sequence';
  return {
    mean: average(flat),
    max: ofSequence ? Math.exp(Math.min(Math.max(...products), LOG_RATIO_BOUND)) : Math.max(...flat),
    min: ofSequence ? Math.exp(Math.min(...products)) : Math.min(...flat),
    deviation: flat.length > 1 ? Math.sqrt(Math.max(0, average(held.map((w) => w * w)) - mean * mean)) : 0,
    effectiveSampleShare: mean === 0 ? 0 : 1 / average(held.map((w) => (w / mean) ** 2)),
    fractionAbove: share(logs, (log) => log > Math.log(high)),
    fractionBelow: share(logs, (log) => log < Math.log(least)),
    rowMean: average(rowMeans),
    rowDeviation: sampleDeviation(rowMeans),
    rowMax: Math.max(...rowMeans),
    rowMin: Math.min(...rowMeans),
    rowMaxDistance: Math.max(...rowMeans.map((value) => Math.abs(value - 1))),
    rowFractionAbove: share(rawMeans, (value) => value > high),
    rowFractionBelow: share(rawMeans, (value) => value < least),
    outsideFraction: share(raw.flat(), (value) => value < least || value > high),
  };
}

/** What a rejection looked at: its statistic over tokens and over rows, and what was taken out. */
export interface RejectionMetrics {
  /** Over sampled tokens. */
  readonly mean: number;
  /** Over tokens, or over rows where the extent is the row. */
  readonly max: number;
  readonly min: number;
  readonly fractionAbove: number;
  readonly fractionBelow: number;
  /** Of the statistic clamped to the bounds. */
  readonly deviation: number;
  /** Of each row's statistic: its own, or the mean of its tokens'. */
  readonly rowMean: number;
  readonly rowDeviation: number;
  readonly rowMax: number;
  readonly rowMin: number;
  readonly rowMaxDistance: number;
  readonly rowFractionAbove: number;
  readonly rowFractionBelow: number;
  /** Share of sampled tokens, and of rows that have any, that lost a token. */
  readonly rejectedFraction: number;
  readonly rejectedRowFraction: number;
}

/**
 * Describes what `rejectMismatched` did with the same options. For k1 the statistic is the log-ratio and the bounds are the logs
 * of low and high; for k2 and k3 there is no lower bound.
 *
 * @throws {RangeError} if no token was sampled.
 */
export function rejectionMetrics(
  { keep, values }: { readonly keep: ArrayLike<number>; readonly values: ArrayLike<number> },
  rows: TokenRows,
  { statistic, extent, low, high }: RejectionOptions,
): RejectionMetrics {
  const groups = sampledTokens(rows, 'leave_out');
  const isLog = statistic === 'k1';
  const [least, most] = isLog ? [Math.log(low ?? 1 / high), Math.log(high)] : [0, high];
  const flat = groups.flat().map((t) => values[t]!);
  const rowValues = groups.map((tokens) => average(tokens.map((t) => values[t]!)));
  const shown = extent === 'token' ? flat : rowValues;
  const share = (of: readonly number[], isCounted: (value: number) => boolean): number =>
    average(of.map((value) => (isCounted(value) ? 1 : 0)));
  const held = flat.map((value) => Math.min(Math.max(value, least), most));
  const mean = average(held);
  return {
    mean: average(flat),
    max: Math.max(...shown),
    min: Math.min(...shown),
    fractionAbove: share(shown, (value) => value > most),
    fractionBelow: isLog ? share(shown, (value) => value < least) : 0,
    deviation: flat.length > 1 ? Math.sqrt(Math.max(0, average(held.map((v) => v * v)) - mean * mean)) : 0,
    rowMean: average(rowValues),
    rowDeviation: sampleDeviation(rowValues),
    rowMax: Math.max(...rowValues),
    rowMin: Math.min(...rowValues),
    rowMaxDistance: Math.max(...rowValues.map(Math.abs)),
    rowFractionAbove: share(rowValues, (value) => value > most),
    rowFractionBelow: isLog ? share(rowValues, (value) => value < least) : 0,
    rejectedFraction: average(groups.flat().map((t) => (keep[t] === 0 ? 1 : 0))),
    rejectedRowFraction: average(groups.map((tokens) => (tokens.some((t) => keep[t] === 0) ? 1 : 0))),
  };
}

/** Sampled tokens of each row. */
function sampledTokens({ mask, offsets }: TokenRows, emptyRows: 'leave_out' | 'count'): number[][] {
  const groups = Array.from({ length: offsets.length - 1 }, (_, row) => {
    const tokens: number[] = [];
    for (let t = offsets[row]!; t < offsets[row + 1]!; t += 1) if (mask[t] !== 0) tokens.push(t);
    return tokens;
  });
  if (groups.every(({ length }) => length === 0))
    throw new RangeError('expected at least one sampled token, received none');
  return emptyRows === 'count' ? groups : groups.filter(({ length }) => length > 0);
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

/** 0 for no values. */
function average(values: readonly number[]): number {
  return values.length === 0 ? 0 : sum(values) / values.length;
}

/** Divisor n - 1; 0 for one value. */
function sampleDeviation(values: readonly number[]): number {
  const mean = average(values);
  return values.length < 2 ? 0 : Math.sqrt(sum(values.map((value) => (value - mean) ** 2)) / (values.length - 1));
}
