import { addon } from './addon.js';
import { requireCudaDevice } from './cuda-device.js';
import { NativeValueError, ShapeError } from './errors.js';
import { checkOffsets } from './offsets.js';

/** 'grpo': (r - mean) / (sampleStd + epsilon); 'dr_grpo': r - mean; 'rloo': r minus the mean of the others. */
export type AdvantageEstimator = 'grpo' | 'dr_grpo' | 'rloo';

export interface GroupAdvantageOptions {
  readonly estimator: AdvantageEstimator;
  /** GRPO only: added to the sample standard deviation (divisor n - 1). >= 0 and finite. Default 1e-6. */
  readonly epsilon?: number;
}

const estimatorCodes: Readonly<Record<AdvantageEstimator, number>> = { grpo: 0, dr_grpo: 1, rloo: 2 };

/** Beyond it, sums of deviations could overflow. */
const largestReward = 1e290;

/**
 * Group-relative advantages over flat rewards.
 *
 * A group is all rows of one id, wherever they stand. Groups of one and groups whose raw rewards are all equal give
 * exact zeros (the deviation is never tested: a rounded mean of equal rewards would leak). Permuting rows permutes the
 * result bit for bit.
 *
 * @param rewards - [n], finite, at most 1e290 in magnitude.
 * @param groupIds - [n], any 32-bit integers.
 * @param options.epsilon - see {@link GroupAdvantageOptions}; refused with an estimator that has no use for it.
 * @returns [n], float64.
 * @throws {ShapeError} if the lengths differ.
 * @throws {NativeValueError} for an unusable reward, naming its index; for an unknown estimator or an unusable epsilon.
 * @see DeepSeekMath, arXiv:2402.03300 (GRPO); arXiv:2503.20783 (Dr.GRPO); arXiv:2402.14740 (RLOO). Our choices: divisor
 * n - 1, epsilon 1e-6, zero for groups of one (verl passes r on, TRL gives zero).
 */
export function groupAdvantages(
  rewards: Float64Array | readonly number[],
  groupIds: Int32Array,
  options: GroupAdvantageOptions,
): Float64Array {
  const { values, code, epsilon } = checkArguments(rewards, groupIds, options);
  const out = new Float64Array(values.length);
  addon['groupAdvantages']!(values, groupIds, code, epsilon, out);
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
  const { values, code, epsilon } = checkArguments(rewards, groupIds, options);
  requireCudaDevice();
  const out = new Float64Array(values.length);
  const failure = addon['cudaGroupAdvantages']!(values, groupIds, code, epsilon, out);
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

function checkArguments(
  rewards: Float64Array | readonly number[],
  groupIds: Int32Array,
  { estimator, epsilon }: GroupAdvantageOptions,
): { readonly values: Float64Array; readonly code: number; readonly epsilon: number } {
  if (!Object.hasOwn(estimatorCodes, estimator)) {
    throw new NativeValueError(`expected estimator to be one of grpo, dr_grpo, rloo, received ${estimator}`);
  }
  if (epsilon !== undefined && estimator !== 'grpo') {
    throw new NativeValueError(
      `expected no epsilon with estimator ${estimator}, which divides by nothing, received ${epsilon}`,
    );
  }
  if (epsilon !== undefined && !(epsilon >= 0 && epsilon < Number.POSITIVE_INFINITY)) {
    throw new NativeValueError(`expected epsilon to be finite and >= 0, received ${epsilon}`);
  }
  const values = rewards instanceof Float64Array ? rewards : Float64Array.from(rewards);
  if (!(groupIds instanceof Int32Array)) throw new ShapeError('expected groupIds to be an Int32Array');
  if (groupIds.length !== values.length) {
    throw new ShapeError(`expected groupIds.length to be rewards.length ${values.length}, received ${groupIds.length}`);
  }
  const unusable = values.findIndex((reward) => !(Math.abs(reward) <= largestReward));
  if (unusable >= 0) {
    throw new NativeValueError(
      `expected finite rewards of at most 1e290 in magnitude, received ${values[unusable]} at index ${unusable}`,
    );
  }
  return { values, code: estimatorCodes[estimator], epsilon: epsilon ?? 1e-6 };
}
