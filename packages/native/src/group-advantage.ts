import { addon } from './addon.js';
import { callNative } from './call.js';
import { requireCudaDevice } from './cuda-device.js';
import { NativeValueError, ShapeError } from './errors.js';
import { expectApart } from './expect-apart.js';
import { expectOneOf } from './expect-one-of.js';
import { checkGroups, checkRewards, unusableReward } from './grouped-rewards.js';
import { checkOffsets } from './offsets.js';
import { broadcastToSampled, maskedReward, tokenRewardSums } from './token-rewards.js';
import { checkTokenRows, checkTokenValues, type TokenRows } from './token-rows.js';

/** 'grpo': (r - mean) / (sampleStd + epsilon); 'dr_grpo': r - mean; 'rloo': r minus the mean of the others. */
export type AdvantageEstimator = 'grpo' | 'dr_grpo' | 'rloo';

export interface GroupAdvantageOptions {
  readonly estimator: AdvantageEstimator;
  /** GRPO only: added to the standard deviation. >= 0 and finite. Default 1e-6. */
  readonly epsilon?: number;
  /** GRPO only: divisor n - 1 ('sample', default) or n ('population'). */
  readonly deviation?: 'sample' | 'population';
  /** GRPO only: whose deviation divides, the group's (default) or that of all rewards of the batch. */
  readonly spread?: 'group' | 'batch';
  /**
   * What a group of one gets: 0 (default), or the reward itself, which GRPO divides by 1 + epsilon when it scales by
   * the group. A group of one has nothing to compare with, so 'reward' is there for parity with verl alone.
   */
  readonly singleton?: 'zero' | 'reward';
  /** A NaN reward: refused (default), or a row that was not scored: in no statistic, advantage 0. */
  readonly missing?: 'refuse' | 'leave_out';
}

const estimatorCodes: Readonly<Record<AdvantageEstimator, number>> = { grpo: 0, dr_grpo: 1, rloo: 2 };

/**
 * Group-relative advantages over flat rewards.
 *
 * A group is all rows of one id, wherever they stand. Groups whose raw rewards are all equal give exact zeros (the
 * deviation is never tested: a rounded mean of equal rewards would leak). Permuting rows permutes the result bit for bit.
 *
 * @param rewards - [n], finite, at most 1e290 in magnitude; NaN where `missing` allows it.
 * @param groupIds - [n], any 32-bit integers.
 * @param options - see {@link GroupAdvantageOptions}; an option that the estimator has no use for is refused.
 * @returns [n], float64.
 * @throws {ShapeError} if the lengths differ.
 * @throws {NativeValueError} for an unusable reward, naming its index; for an unknown or useless option.
 * @see DeepSeekMath, arXiv:2402.03300 (GRPO); arXiv:2503.20783 (Dr.GRPO); arXiv:2402.14740 (RLOO). docs/estimators.md
 * lists what verl, TRL and others do differently, and `groupAdvantagePresets` holds their options.
 */
export function groupAdvantages(
  rewards: Float64Array | readonly number[],
  groupIds: Int32Array,
  options: GroupAdvantageOptions,
): Float64Array {
  checkOptions(options);
  const values = rewards instanceof Float64Array ? rewards : Float64Array.from(rewards);
  checkGroups(values, groupIds);
  const { estimator, epsilon = 1e-6, deviation, spread, singleton, missing = 'refuse' } = options;
  const scored = missing === 'leave_out' ? [...values.keys()].filter((row) => !Number.isNaN(values[row])) : undefined;
  const some = scored === undefined || scored.length === values.length ? undefined : scored;
  const used = some === undefined ? values : Float64Array.from(some, (row) => values[row]!);
  const ids = some === undefined ? groupIds : Int32Array.from(some, (row) => groupIds[row]!);
  checkRewards(used, some);
  const out = new Float64Array(used.length);
  const code = estimatorCodes[estimator];
  const flags = [deviation === 'population', spread === 'batch', singleton === 'reward'] as const;
  addon['groupAdvantages']!(used, ids, code, epsilon, flags[0], flags[1], flags[2], out);
  if (some === undefined) return out;
  const all = new Float64Array(values.length);
  for (const [i, row] of some.entries()) all[row] = out[i]!;
  return all;
}

/**
 * `broadcastToSampled(groupAdvantages(tokenRewardSums(rewards, rows), groupIds, options), rows, out)` in one pass over the groups, with its
 * bits: what verl's outcome estimators compute from token rewards.
 *
 * @param rewards - [tokens], 0 outside the mask.
 * @param groupIds - [rows], any 32-bit integers.
 * @param out - [tokens], overwritten (also where it throws for a reward): an array of an earlier batch, whose pages are in memory already.
 *   Default: a new one.
 * @returns `out`: the advantage of its row where a token was sampled, rounded to float32; else 0.
 * @throws as the three functions.
 */
export function groupTokenAdvantages(
  rewards: Float32Array,
  rows: TokenRows,
  groupIds: Int32Array,
  options: GroupAdvantageOptions,
  out: Float32Array = new Float32Array(rows.mask.length),
): Float32Array {
  if (options.missing === 'leave_out') {
    return broadcastToSampled(groupAdvantages(tokenRewardSums(rewards, rows), groupIds, options), rows, out);
  }
  checkOptions(options);
  const count = checkTokenRows(rows);
  checkTokenValues('rewards', rewards, rows);
  checkTokenValues('out', out, rows);
  if (!(groupIds instanceof Int32Array) || groupIds.length !== count) {
    throw new ShapeError(`expected groupIds to be an Int32Array of the number of rows ${count}`);
  }
  expectApart('out', out, { rewards });
  const { estimator, epsilon = 1e-6, deviation, spread, singleton } = options;
  const flags = [deviation === 'population', spread === 'batch', singleton === 'reward'] as const;
  const [stray, row, sum] = callNative(
    'groupTokenAdvantages',
    ...[rewards, rows.mask, rows.offsets, groupIds, estimatorCodes[estimator], epsilon],
    ...[flags[0], flags[1], flags[2], out],
  ) as [number, number, number];
  if (stray >= 0) throw maskedReward(rewards[stray]!, stray);
  if (row >= 0) throw unusableReward(sum, row);
  return out;
}

/**
 * {@link groupAdvantages} on the first CUDA device, bit for bit. Rows are sorted on the CPU; worth it only where the
 * advantages are wanted beside other work of the device.
 *
 * @throws {ShapeError} and {NativeValueError} as {@link groupAdvantages}.
 * @throws {NativeValueError} if there is no CUDA device, with the reason; if the device fails, with kernel and shapes.
 */
export function cudaGroupAdvantages(
  rewards: Float64Array | readonly number[],
  groupIds: Int32Array,
  options: GroupAdvantageOptions,
): Float64Array {
  checkOptions(options);
  const useless = (['deviation', 'spread', 'singleton', 'missing'] as const).find(
    (name) => options[name] !== undefined,
  );
  if (useless !== undefined) {
    throw new NativeValueError(`expected no option but estimator and epsilon on the CUDA device, received ${useless}`);
  }
  const values = rewards instanceof Float64Array ? rewards : Float64Array.from(rewards);
  checkGroups(values, groupIds);
  checkRewards(values, undefined);
  requireCudaDevice();
  const out = new Float64Array(values.length);
  const { estimator, epsilon = 1e-6 } = options;
  const failure = addon['cudaGroupAdvantages']!(values, groupIds, estimatorCodes[estimator], epsilon, out);
  if (failure !== '') throw new NativeValueError(`the CUDA device failed in ${failure}`);
  return out;
}

/**
 * Gives every token the value of its sequence: out[t] = values[s] for offsets[s] <= t < offsets[s + 1].
 *
 * @param values - [S], float64.
 * @param offsets - [S + 1], ascending from 0; segments may be empty.
 * @returns [offsets[S]], rounded to float32.
 * @throws {ShapeError} if the offsets do not ascend from 0 or are not S + 1 entries.
 */
export function broadcastToTokens(values: Float64Array, offsets: Int32Array): Float32Array {
  const segments = checkOffsets('offsets', offsets);
  if (segments !== values.length) {
    throw new ShapeError(
      `expected offsets.length to be values.length + 1 = ${values.length + 1}, received ${segments + 1}`,
    );
  }
  const out = new Float32Array(offsets[segments]!);
  addon['broadcastToTokens']!(values, offsets, out);
  return out;
}

function checkOptions(options: GroupAdvantageOptions): void {
  const { estimator, epsilon } = options;
  if (!Object.hasOwn(estimatorCodes, estimator)) {
    throw new NativeValueError(`expected estimator to be one of grpo, dr_grpo, rloo, received ${estimator}`);
  }
  for (const name of ['epsilon', 'deviation', 'spread'] as const) {
    if (options[name] !== undefined && estimator !== 'grpo') {
      throw new NativeValueError(
        `expected no ${name} with estimator ${estimator}, which divides by nothing, received ${options[name]}`,
      );
    }
  }
  if (epsilon !== undefined && !(epsilon >= 0 && epsilon < Number.POSITIVE_INFINITY)) {
    throw new NativeValueError(`expected epsilon to be finite and >= 0, received ${epsilon}`);
  }
  expectOneOf('deviation', options.deviation, ['sample', 'population']);
  expectOneOf('spread', options.spread, ['group', 'batch']);
  expectOneOf('singleton', options.singleton, ['zero', 'reward']);
  expectOneOf('missing', options.missing, ['refuse', 'leave_out']);
}
