import { callNative } from './call.js';
import { NativeValueError, ShapeError } from './errors.js';
import { expectOneOf } from './expect-one-of.js';
import { checkGroups, checkRewards } from './grouped-rewards.js';

export interface LengthBaselineOptions {
  /** What a group of one gets: 0 (default), or the reward itself as in verl. */
  readonly singleton?: 'zero' | 'reward';
}

/**
 * OPO: each reward minus its group's mean weighted by length, sum(length r) / sum(length), which is the baseline of least
 * variance when gradient norms grow with length.
 *
 * @param rewards - [n], finite, at most 1e290 in magnitude.
 * @param lengths - [n], sampled tokens of each row, finite and >= 0.
 * @param groupIds - [n], any 32-bit integers.
 * @returns [n]; exact zeros where all rewards of a group are equal.
 * @throws {ShapeError} if lengths differ. @throws {NativeValueError} for an unusable reward or length, naming its index.
 * @see Hao et al., arXiv:2505.23585.
 */
export function lengthBaselineAdvantages(
  rewards: Float64Array | readonly number[],
  lengths: Float64Array | readonly number[],
  groupIds: Int32Array,
  { singleton }: LengthBaselineOptions = {},
): Float64Array {
  expectOneOf('singleton', singleton, ['zero', 'reward']);
  const values = Float64Array.from(rewards);
  const weights = Float64Array.from(lengths);
  checkGroups(values, groupIds);
  checkRewards(values, undefined);
  if (weights.length !== values.length) {
    throw new ShapeError(`expected lengths.length to be rewards.length ${values.length}, received ${weights.length}`);
  }
  const bad = weights.findIndex((length) => !(length >= 0 && length < Number.POSITIVE_INFINITY));
  if (bad >= 0) {
    throw new NativeValueError(`expected lengths to be finite and >= 0, received ${weights[bad]} at index ${bad}`);
  }
  const out = new Float64Array(values.length);
  callNative('lengthBaselineAdvantages', values, weights, groupIds, singleton === 'reward', out);
  return out;
}

export interface BestOfGroupOptions {
  /** Divide by the group's sample standard deviation + epsilon. Default true. */
  readonly scale?: boolean;
  /** Added to the deviation; refused without `scale`. Default 1e-6. */
  readonly epsilon?: number;
}

/**
 * Pass@k training: the best row of a group gets its lead over the second best, every other row 0. Ties for the best, and
 * groups of one (which verl refuses), have no lead: all 0.
 *
 * @param rewards - [n], finite, at most 1e290 in magnitude.
 * @returns [n].
 * @throws {ShapeError} if lengths differ. @throws {NativeValueError} for an unusable reward or epsilon.
 * @see Tang et al., arXiv:2503.19595, as verl's grpo_passk computes it.
 */
export function bestOfGroupAdvantages(
  rewards: Float64Array | readonly number[],
  groupIds: Int32Array,
  { scale = true, epsilon }: BestOfGroupOptions = {},
): Float64Array {
  if (epsilon !== undefined && !scale) {
    throw new NativeValueError(`expected no epsilon without scale, received ${epsilon}`);
  }
  if (epsilon !== undefined && !(epsilon >= 0 && epsilon < Number.POSITIVE_INFINITY)) {
    throw new NativeValueError(`expected epsilon to be finite and >= 0, received ${epsilon}`);
  }
  const values = Float64Array.from(rewards);
  checkGroups(values, groupIds);
  checkRewards(values, undefined);
  const out = new Float64Array(values.length);
  callNative('bestOfGroupAdvantages', values, groupIds, scale, epsilon ?? 1e-6, out);
  return out;
}
