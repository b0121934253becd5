import { callNative } from './call.js';
import { NativeValueError, ShapeError } from './errors.js';

export interface PartAdvantageOptions {
  /** [kinds], weight of each part in the sum; finite. */
  readonly weights: Float64Array | readonly number[];
  /** Divide each part's deviations by its group's sample deviation + epsilon. Default true. */
  readonly scale?: boolean;
  /** Added to the deviation; refused without `scale`. Default 1e-4, as TRL. */
  readonly epsilon?: number;
  /** What a part gets in a group of one: 0 (default), or itself as in verl. */
  readonly singleton?: 'zero' | 'reward';
}

/**
 * Rewards in parts (format, correctness, ...): every part is normalised within its groups by itself, so that none drowns
 * another, and the weighted sum is taken. A part that is NaN was not given: it enters neither its part's statistics nor the
 * row's sum. Follow with {@link standardize} (TRL's normalize_then_sum) or `whiten` over tokens (verl's GDPO).
 *
 * @param parts - [rows, kinds], row-major; finite or NaN.
 * @param groupIds - [rows], any 32-bit integers.
 * @returns [rows]; NaN for a row without any part.
 * @throws {ShapeError} if parts.length is not rows * kinds. @throws {NativeValueError} for an infinite part or option.
 * @see GDPO, arXiv:2601.05242.
 */
export function partAdvantages(
  parts: Float64Array | readonly number[],
  groupIds: Int32Array,
  { weights, scale = true, epsilon, singleton }: PartAdvantageOptions,
): Float64Array {
  const values = Float64Array.from(parts);
  const factors = Float64Array.from(weights);
  if (!(groupIds instanceof Int32Array)) throw new ShapeError('expected groupIds to be an Int32Array');
  if (values.length !== groupIds.length * factors.length) {
    throw new ShapeError(
      `expected parts.length to be rows * kinds = ${groupIds.length} * ${factors.length}, received ${values.length}`,
    );
  }
  const bad = values.findIndex((part) => !(Number.isNaN(part) || Math.abs(part) <= 1e290));
  if (bad >= 0) throw new NativeValueError(`expected finite parts or NaN, received ${values[bad]} at index ${bad}`);
  const weight = factors.find((factor) => !Number.isFinite(factor));
  if (weight !== undefined) throw new NativeValueError(`expected finite weights, received ${weight}`);
  if (epsilon !== undefined && (!scale || !(epsilon >= 0 && epsilon < Number.POSITIVE_INFINITY))) {
    throw new NativeValueError(`expected epsilon to be finite and >= 0, and only with scale, received ${epsilon}`);
  }
  const out = new Float64Array(groupIds.length);
  const estimator = scale ? 0 : 1;
  callNative('partAdvantages', values, factors, groupIds, estimator, epsilon ?? 1e-4, singleton === 'reward', out);
  return out;
}

/**
 * (value - mean) / (sample deviation + epsilon) over the values that are not NaN.
 *
 * @param values - [n], finite or NaN.
 * @param options.epsilon - finite and >= 0. Default 1e-4, as TRL.
 * @returns [n]; 0 where NaN, and exact zeros where all values are equal.
 * @throws {NativeValueError} for an infinite value.
 */
export function standardize(
  values: Float64Array | readonly number[],
  { epsilon = 1e-4 }: { readonly epsilon?: number } = {},
): Float64Array {
  const input = Float64Array.from(values);
  const bad = input.findIndex((value) => !(Number.isNaN(value) || Math.abs(value) <= 1e290));
  if (bad >= 0) throw new NativeValueError(`expected finite values or NaN, received ${input[bad]} at index ${bad}`);
  if (!(epsilon >= 0 && epsilon < Number.POSITIVE_INFINITY)) {
    throw new NativeValueError(`expected epsilon to be finite and >= 0, received ${epsilon}`);
  }
  const out = new Float64Array(input.length);
  callNative('standardize', input, epsilon, out);
  return out;
}
