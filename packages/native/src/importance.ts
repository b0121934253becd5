import { callNative } from './call.js';
import { NativeValueError } from './errors.js';
import { expectOneOf } from './expect-one-of.js';
import { checkTokenRows, checkTokenValues, type TokenRows } from './token-rows.js';

export interface ImportanceOptions {
  /** A token's own ratio, or the product over the row's sampled tokens. */
  readonly level: 'token' | 'sequence';
  /** 'truncate': clamped to [low, high]. 'mask': 0 outside (IcePop). */
  readonly bound: 'truncate' | 'mask';
  /** >= 0. Default 0: none. */
  readonly low?: number;
  /** > 0; Infinity: none. */
  readonly high: number;
  /** The log of the weight is clamped to plus-minus this first, > 0. Default 20. */
  readonly logRatioBound?: number;
  /** A NaN rollout log-prob: refused (default), or taken as ratio 1 where the sampler could not tell it. */
  readonly missing?: 'refuse' | 'ratio_one';
  /** Divide by the mean weight, over sampled tokens or over rows that have any; bounds may be exceeded then. Default false. */
  readonly normalize?: boolean;
}

export interface ImportanceWeights {
  /** [tokens], 0 where not sampled. */
  readonly weights: Float32Array;
  /** What `normalize` divided by; 1 without it. */
  readonly divisor: number;
}

/**
 * Weights that correct a loss for rollouts sampled by another engine or an older policy: e^(logprob - rolloutLogprob), detached.
 * Exactly 1 where both sides agree.
 *
 * @param logprobs - [tokens], under the training engine. @param rolloutLogprobs - [tokens], under the sampler.
 * @throws {ShapeError} if lengths differ. @throws {NativeValueError} for an unusable option or log-prob.
 */
export function importanceWeights(
  logprobs: Float32Array,
  rolloutLogprobs: Float32Array,
  rows: TokenRows,
  options: ImportanceOptions,
): ImportanceWeights {
  checkTokenRows(rows);
  checkTokenValues('logprobs', logprobs, rows);
  checkTokenValues('rolloutLogprobs', rolloutLogprobs, rows);
  const { level, bound, low = 0, high, logRatioBound = 20, missing = 'refuse', normalize = false } = options;
  expectOneOf('level', level, ['token', 'sequence']);
  expectOneOf('bound', bound, ['truncate', 'mask']);
  expectOneOf('missing', missing, ['refuse', 'ratio_one']);
  if (!(low >= 0 && high > 0 && low <= high)) {
    throw new NativeValueError(`expected 0 <= low <= high and high > 0, received ${low} and ${high}`);
  }
  if (!(logRatioBound > 0)) throw new NativeValueError(`expected logRatioBound to be > 0, received ${logRatioBound}`);
  checkSampledLogprobs({ logprobs, ...(missing === 'refuse' ? { rolloutLogprobs } : {}) }, rows);
  const weights = new Float32Array(logprobs.length);
  const { mask, offsets } = rows;
  const divisor = callNative(
    'importanceWeights',
    logprobs,
    rolloutLogprobs,
    mask,
    offsets,
    level === 'token' ? 0 : 1,
    bound === 'truncate' ? 0 : 1,
    low,
    high,
    logRatioBound,
    missing === 'ratio_one',
    normalize,
    weights,
  ) as number;
  return { weights, divisor };
}

/** Options under which `importanceWeights` does what others do by default. */
export const importancePresets = {
  /** verl 0.9.1: the product over the row, truncated at 2. */
  verl: { level: 'sequence', bound: 'truncate', high: 2 },
  /** TRL 1.16.0: the product over the row, zero above 3, no clamp of the log-ratio. */
  trl: { level: 'sequence', bound: 'mask', high: 3, logRatioBound: Number.POSITIVE_INFINITY, missing: 'ratio_one' },
} as const satisfies Readonly<Record<string, ImportanceOptions>>;

export interface RejectionOptions {
  /**
   * With d = logprob - rolloutLogprob, clamped to plus-minus 20: 'k1' keeps low <= e^d <= high; 'k2' keeps d^2 / 2 <= high;
   * 'k3' keeps e^d - 1 - d <= high.
   */
  readonly statistic: 'k1' | 'k2' | 'k3';
  /** Of each token by itself, or of its row: the sum, mean or maximum of the statistic (k1: of d) over its sampled tokens. */
  readonly extent: 'token' | 'sum' | 'mean' | 'largest';
  /** 'k1' alone, > 0. Default 1 / high. */
  readonly low?: number;
  /** > 0. */
  readonly high: number;
}

export interface Rejection {
  /** [tokens], the mask without what is rejected. */
  readonly keep: Uint8Array;
  /** [tokens], the statistic (k1: d or its sum or mean) of sampled tokens. */
  readonly values: Float32Array;
}

/**
 * Takes tokens, or whole rows, out of the mask where training and rollout policy are too far apart.
 *
 * @throws {ShapeError} if lengths differ. @throws {NativeValueError} for an unusable option or log-prob.
 * @see verl's rollout_rs. There the bounds of the k1 forms apply to e^-d, so that "0.5_5.0" keeps 0.2 <= ratio <= 2; here
 * they apply to the ratio.
 */
export function rejectMismatched(
  logprobs: Float32Array,
  rolloutLogprobs: Float32Array,
  rows: TokenRows,
  { statistic, extent, low, high }: RejectionOptions,
): Rejection {
  checkTokenRows(rows);
  checkTokenValues('logprobs', logprobs, rows);
  checkTokenValues('rolloutLogprobs', rolloutLogprobs, rows);
  expectOneOf('statistic', statistic, ['k1', 'k2', 'k3']);
  expectOneOf('extent', extent, ['token', 'sum', 'mean', 'largest']);
  if (low !== undefined && statistic !== 'k1') {
    throw new NativeValueError(`expected no low with statistic ${statistic}, received ${low}`);
  }
  const least = low ?? 1 / high;
  if (!(high > 0 && (statistic !== 'k1' || (least > 0 && least <= high)))) {
    throw new NativeValueError(`expected 0 < low <= high, received ${least} and ${high}`);
  }
  checkSampledLogprobs({ logprobs, rolloutLogprobs }, rows);
  const keep = new Uint8Array(rows.mask.length);
  const values = new Float32Array(rows.mask.length);
  const statistics = { k1: 1, k2: 2, k3: 3 } as const;
  const extents = { token: 0, sum: 1, mean: 2, largest: 3 } as const;
  callNative(
    'rejectionMask',
    logprobs,
    rolloutLogprobs,
    rows.mask,
    rows.offsets,
    statistics[statistic],
    extents[extent],
    least,
    high,
    keep,
    values,
  );
  return { keep, values };
}

/** @throws {NativeValueError} naming the first sampled log-prob that is NaN. */
function checkSampledLogprobs(arrays: Readonly<Record<string, Float32Array>>, { mask }: TokenRows): void {
  for (const [name, values] of Object.entries(arrays)) {
    for (let t = 0; t < values.length; t++) {
      if (mask[t] !== 0 && Number.isNaN(values[t])) {
        throw new NativeValueError(`expected ${name} where sampled, received NaN at index ${t}`);
      }
    }
  }
}
