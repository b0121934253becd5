import { callNative } from './call.js';
import { NativeValueError, ShapeError } from './errors.js';

/** Statistics of the values of sampled tokens. */
export interface MaskedStatistics {
  readonly sum: number;
  readonly count: number;
  /** sum / count; 0 where count is 0. */
  readonly mean: number;
  /** Divisor count - 1; 0 where count is below 2. */
  readonly sampleVariance: number;
  /** Divisor count. */
  readonly populationVariance: number;
}

/**
 * Sum, mean and variance over sampled tokens, accumulated in float64. What stands outside the mask is not read, NaN included.
 *
 * @param values - [tokens]. @param mask - [tokens], 1 where sampled.
 * @throws {ShapeError} if the lengths differ.
 */
export function maskedStatistics(values: Float32Array, mask: Uint8Array): MaskedStatistics {
  checkMasked(values, mask);
  const [sum, count, squares] = callNative('maskedStatistics', values, mask) as [number, number, number];
  return {
    sum,
    count,
    mean: count === 0 ? 0 : sum / count,
    sampleVariance: count < 2 ? 0 : squares / (count - 1),
    populationVariance: count === 0 ? 0 : squares / count,
  };
}

export interface WhitenOptions {
  /** Added to the variance, under the root; finite and >= 0. Default 1e-8, as verl. */
  readonly epsilon?: number;
  /** Divisor count - 1 ('sample', default) or count ('population'). */
  readonly variance?: 'sample' | 'population';
  /** False puts the mean back after scaling. Default true. */
  readonly shiftMean?: boolean;
  /** [tokens], overwritten and returned; may be the values themselves. Default: a new array. */
  readonly out?: Float32Array;
}

/**
 * (value - mean) / sqrt(variance + epsilon) over the sampled tokens of a batch, accumulated in float64.
 *
 * @param values - [tokens]; finite where sampled. @param mask - [tokens], 1 where sampled.
 * @returns [tokens], 0 where not sampled. Where all sampled values are equal, or there is one, deviations are exactly 0: verl
 * multiplies rounding by 1e4 there, or raises.
 * @throws {ShapeError} if the lengths differ. @throws {NativeValueError} for a sampled value that is not finite.
 */
export function whiten(
  values: Float32Array,
  mask: Uint8Array,
  { epsilon = 1e-8, variance = 'sample', shiftMean = true, out = new Float32Array(values.length) }: WhitenOptions = {},
): Float32Array {
  checkMasked(values, mask);
  checkMasked(out, mask);
  if (!(epsilon >= 0 && epsilon < Number.POSITIVE_INFINITY)) {
    throw new NativeValueError(`expected epsilon to be finite and >= 0, received ${epsilon}`);
  }
  if (callNative('whiten', values, mask, epsilon, variance === 'sample', shiftMean, out) !== true) {
    const first = values.findIndex((value, t) => mask[t] !== 0 && !Number.isFinite(value));
    throw new NativeValueError(`expected finite values, received ${values[first]} at index ${first}`);
  }
  return out;
}

function checkMasked(values: Float32Array, mask: Uint8Array): void {
  if (!(values instanceof Float32Array)) throw new ShapeError('expected values to be a Float32Array');
  if (!(mask instanceof Uint8Array)) throw new ShapeError('expected mask to be a Uint8Array');
  if (mask.length !== values.length) {
    throw new ShapeError(`expected mask.length to be values.length ${values.length}, received ${mask.length}`);
  }
}
