import {
  type ImportanceOptions,
  importanceWeights,
  paddedTokenRows,
  type RejectionOptions,
  rejectMismatched,
  type TokenRows,
} from '@parl-mt/native';
import { importanceWeightsReference, rejectMismatchedReference } from '@parl-mt/native/reference';
import {
  type ImportanceMetrics,
  importanceMetrics,
  type PolicyMismatch,
  policyMismatch,
  type RejectionMetrics,
  rejectionMetrics,
} from '@parl-mt/rl';
import { type FixtureCase, matrixOf, numberOf } from './fixture.js';
import type { FixtureFile } from './report.js';
import {
  type Comparison,
  compare,
  compared,
  compareNumber,
  exact,
  fault,
  float32,
  float64,
  holds,
  metric,
  type Verdict,
} from './verdict.js';

export const verlRolloutCorrection: FixtureFile = { file: 'verl-rollout-correction.jsonl', judge };

/** Log-probs of both policies over rows. */
export interface CorrectedTokens {
  readonly rows: TokenRows;
  readonly logprobs: Float32Array;
  readonly rolloutLogprobs: Float32Array;
}

function judge(each: FixtureCase): Verdict {
  const flat = (name: string): Float32Array => Float32Array.from(matrixOf(each.inputs[name]).flat());
  const tokens: CorrectedTokens = {
    rows: paddedTokenRows(matrixOf(each.inputs['response_mask'])),
    logprobs: flat('old_log_prob'),
    rolloutLogprobs: flat('rollout_log_prob'),
  };
  if (each.source.endsWith('compute_offpolicy_metrics')) {
    return compared(...compareMetrics(mismatchMetricsOf(tokens), each.outputs, ''));
  }
  if (each.outputs['error'] === 'ValueError') {
    return compared(
      holds(
        'unusable options are refused',
        isRefused(() => correct(tokens, each.options)),
      ),
    );
  }
  const ours = correct(tokens, each.options);
  if (each.outputs['error'] !== undefined) {
    return fault(
      'all weights 0: the effective sample share is 0 and nothing crashes',
      holds(
        'zero',
        ours.weights!.native.every((weight) => weight === 0),
      ),
      holds('share 0', ours.metrics['rollout_corr/rollout_is_eff_sample_size'] === 0),
    );
  }
  const mask = matrixOf(each.outputs['modified_mask']).flat();
  const comparisons = [
    compare('mask, native', ours.keep.native, mask, exact),
    compare('mask, reference', ours.keep.reference, mask, exact),
    ...compareMetrics(ours.metrics, each.outputs['metrics'] as Readonly<Record<string, unknown>>, ''),
  ];
  if (ours.weights !== undefined) {
    const weights = matrixOf(each.outputs['weights']).flat();
    comparisons.push(
      compare('weights, native', ours.weights.native, weights, float32),
      compare('weights, reference', ours.weights.reference, weights, float64),
    );
  }
  if (!each.fault) return compared(...comparisons);
  return fault("bounds are those of the ratio; with their reciprocals our answer is verl's", ...comparisons);
}

interface Both<T> {
  readonly native: T;
  readonly reference: T;
}

export interface Corrected {
  readonly weights: Both<ArrayLike<number> & { every(test: (x: number) => boolean): boolean }> | undefined;
  readonly keep: Both<Uint8Array>;
  /** By verl's names. */
  readonly metrics: Readonly<Record<string, number>>;
}

/** What verl's compute_rollout_correction_and_rejection_mask gives, from our functions. */
export function correct(tokens: CorrectedTokens, options: Readonly<Record<string, unknown>>): Corrected {
  const { rows, logprobs, rolloutLogprobs } = tokens;
  const metrics: Record<string, number> = {};
  const put = (prefix: string, values: Readonly<Record<string, number>>): void => {
    for (const [name, value] of Object.entries(values)) metrics[`rollout_corr/${prefix}${name}`] = value;
  };
  const importance = options['rollout_is'] == null ? undefined : importanceOptions(options);
  let weights: Corrected['weights'];
  if (importance !== undefined) {
    const { weights: native, divisor } = importanceWeights(logprobs, rolloutLogprobs, rows, importance);
    weights = { native, reference: importanceWeightsReference(logprobs, rolloutLogprobs, rows, importance) };
    const plain = importanceWeightsReference(logprobs, rolloutLogprobs, rows, { ...importance, normalize: false });
    put(
      'rollout_is_',
      importanceNames(importanceMetrics(plain, logprobs, rolloutLogprobs, rows, importance, { emptyRows: 'count' })),
    );
    if (importance.bound === 'truncate') delete metrics['rollout_corr/rollout_is_oob_ratio'];
    if (importance.normalize === true) put('rollout_is_', { batch_norm_factor: divisor });
  }
  const keep: Both<Uint8Array> = { native: Uint8Array.from(rows.mask), reference: Uint8Array.from(rows.mask) };
  const names = options['rollout_rs'] == null ? [] : String(options['rollout_rs']).split(',');
  const bounds = names.length === 0 ? [] : thresholds(options['rollout_rs_threshold'], names.length);
  for (const [i, name] of names.entries()) {
    const chosen = rejectionOptions(name.trim(), bounds[i]!);
    const native = rejectMismatched(logprobs, rolloutLogprobs, rows, chosen);
    const reference = rejectMismatchedReference(logprobs, rolloutLogprobs, rows, chosen);
    for (const t of keep.native.keys()) {
      keep.native[t]! &= native.keep[t]!;
      keep.reference[t]! &= reference.keep[t]!;
    }
    put(`rollout_rs_${name.trim()}_`, rejectionNames(rejectionMetrics(reference, rows, chosen), chosen));
  }
  if (names.length > 0) put('rollout_rs_', rejectedShares(keep.native, rows));
  put('', mismatchMetricsOf(tokens));
  return { weights, keep, metrics };
}

/** "2", 2 or "0.5_2.0" to bounds. */
function importanceOptions(options: Readonly<Record<string, unknown>>): ImportanceOptions {
  const level = String(options['rollout_is']) as 'token' | 'sequence';
  const parts = String(options['rollout_is_threshold']).split('_').map(Number);
  const normalize = options['rollout_is_batch_normalize'] === true;
  if (parts.length === 1) return { level, bound: 'truncate', high: parts[0]!, normalize };
  return { level, bound: 'mask', low: parts[0]!, high: parts[1]!, normalize };
}

function thresholds(value: unknown, count: number): string[] {
  if (value == null) throw new RangeError('expected a threshold');
  const parts = String(value).split(',');
  return parts.length === 1 ? Array<string>(count).fill(parts[0]!) : parts;
}

/** verl's name and bounds of a rejection. Its k1 bounds are those of 1 / ratio: ours are their reciprocals. */
function rejectionOptions(name: string, bounds: string): RejectionOptions {
  const [, extentName, statistic] = /^(token|seq_sum|seq_mean|seq_max)_(k\d)$/.exec(name) ?? [];
  const extents = { token: 'token', seq_sum: 'sum', seq_mean: 'mean', seq_max: 'largest' } as const;
  const extent = extents[extentName as keyof typeof extents];
  const parts = bounds.split('_').map(Number);
  if (statistic !== 'k1') {
    if (parts.length > 1) throw new RangeError('expected one bound');
    return { statistic: statistic as 'k2', extent, high: parts[0]! };
  }
  const [low, high] = parts.length === 1 ? [1 / parts[0]!, parts[0]!] : [parts[0]!, parts[1]!];
  return { statistic, extent, low: 1 / high, high: 1 / low };
}

function importanceNames(m: ImportanceMetrics): Record<string, number> {
  return {
    mean: m.mean,
    max: m.max,
    min: m.min,
    std: m.deviation,
    eff_sample_size: m.effectiveSampleShare,
    ratio_fraction_high: m.fractionAbove,
    ratio_fraction_low: m.fractionBelow,
    seq_mean: m.rowMean,
    seq_std: m.rowDeviation,
    seq_max: m.rowMax,
    seq_min: m.rowMin,
    seq_max_deviation: m.rowMaxDistance,
    seq_fraction_high: m.rowFractionAbove,
    seq_fraction_low: m.rowFractionBelow,
    oob_ratio: m.outsideFraction,
  };
}

/** verl's k1 is the negative log-ratio: high and low change places. */
function rejectionNames(m: RejectionMetrics, { statistic }: RejectionOptions): Record<string, number> {
  const isLog = statistic === 'k1';
  return {
    mean: isLog ? -m.mean : m.mean,
    max: isLog ? -m.min : m.max,
    min: isLog ? -m.max : m.min,
    fraction_high: isLog ? m.fractionBelow : m.fractionAbove,
    fraction_low: isLog ? m.fractionAbove : 0,
    std: m.deviation,
    seq_mean: isLog ? -m.rowMean : m.rowMean,
    seq_std: m.rowDeviation,
    seq_max: isLog ? -m.rowMin : m.rowMax,
    seq_min: isLog ? -m.rowMax : m.rowMin,
    seq_max_deviation: m.rowMaxDistance,
    seq_fraction_high: isLog ? m.rowFractionBelow : m.rowFractionAbove,
    ...(isLog ? { seq_fraction_low: m.rowFractionAbove } : {}),
    masked_fraction: m.rejectedFraction,
    seq_masked_fraction: m.rejectedRowFraction,
  };
}

/** Over all criteria together; verl divides the second by all rows, empty ones included. */
function rejectedShares(keep: Uint8Array, { mask, offsets }: TokenRows): Record<string, number> {
  const rows = Array.from({ length: offsets.length - 1 }, (_, row) => [offsets[row]!, offsets[row + 1]!] as const);
  const lost = (begin: number, end: number): number =>
    Array.from({ length: end - begin }, (_, i) => begin + i).filter((t) => mask[t] === 1 && keep[t] === 0).length;
  const sampled = mask.reduce((sum, flag) => sum + flag, 0);
  return {
    masked_fraction: lost(0, mask.length) / sampled,
    seq_masked_fraction: rows.filter(([begin, end]) => lost(begin, end) > 0).length / rows.length,
  };
}

function mismatchMetricsOf({ rows, logprobs, rolloutLogprobs }: CorrectedTokens): Record<string, number> {
  const m: PolicyMismatch = policyMismatch(logprobs, rolloutLogprobs, rows, { emptyRows: 'count' });
  return {
    training_ppl: m.trainingPerplexity,
    training_log_ppl: m.trainingLogPerplexity,
    rollout_ppl: m.rolloutPerplexity,
    rollout_log_ppl: m.rolloutLogPerplexity,
    kl: m.kl,
    k3_kl: m.klK3,
    log_ppl_diff: m.logPerplexityDifference,
    log_ppl_abs_diff: m.logPerplexityDistance,
    log_ppl_diff_max: m.logPerplexityDifferenceMax,
    log_ppl_diff_min: m.logPerplexityDifferenceMin,
    ppl_ratio: m.perplexityRatio,
    chi2_token: m.chiSquaredTokens,
    chi2_seq: m.chiSquaredRows,
  };
}

/** Every recorded metric must be among ours. */
export function compareMetrics(
  ours: Readonly<Record<string, number>>,
  theirs: Readonly<Record<string, unknown>>,
  prefix: string,
): Comparison[] {
  return Object.entries(theirs).map(([key, value]) =>
    compareNumber(key, ours[`${prefix}${key}`] ?? Number.NaN, numberOf(value), metric),
  );
}

function isRefused(call: () => unknown): boolean {
  try {
    call();
    return false;
  } catch (error) {
    return !(error instanceof TypeError);
  }
}
