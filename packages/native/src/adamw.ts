import { callNative } from './call.js';
import { NativeValueError, ShapeError } from './errors.js';
import { expectRange } from './expect-range.js';

/**
 * Global norm: the root of the sum of squares over all tensors, in double, in one fixed order (the same on every
 * instruction set and number of threads).
 *
 * @returns 0 for no tensors; NaN or Infinity when a gradient holds one, so one test of it finds a broken update.
 * @throws {ShapeError} if an entry is not a Float32Array.
 */
export function globalNorm(gradients: readonly Float32Array[]): number {
  return callNative('globalNorm', gradients) as number;
}

/**
 * sum += gradient for each tensor of a list, in one call: gradients of micro-batches.
 *
 * @param sums - updated.
 * @param gradients - like sums.
 * @throws {ShapeError} if the lists or the arrays in them differ in length; nothing has been changed then.
 */
export function addGradients(sums: readonly Float32Array[], gradients: readonly Float32Array[]): void {
  callNative('addGradients', sums, gradients);
}

export interface AdamwOptions {
  /** >= 0. */
  readonly learningRate: number;
  /** Decay of the first moment, 0 to 1, below 1; usually 0.9. */
  readonly beta1: number;
  /** Decay of the second moment, 0 to 1, below 1; usually 0.999. */
  readonly beta2: number;
  /** Added to the root of the second moment, > 0; usually 1e-8. */
  readonly epsilon: number;
  /** Decoupled weight decay, one per tensor, >= 0; learningRate * weightDecay is at most 1. */
  readonly weightDecays: readonly number[];
  /** Number of this update, from 1. */
  readonly step: number;
  /** Multiplies every gradient: clipping, averaging. Finite. Default 1. */
  readonly gradientScale?: number;
}

/**
 * One AdamW update of a list of tensors, in place. With g = gradientScale * gradient:
 *   p *= 1 - learningRate * weightDecay;  m = beta1 m + (1 - beta1) g;  v = beta2 v + (1 - beta2) g^2
 *   p -= learningRate / (1 - beta1^step) * m / (sqrt(v) / sqrt(1 - beta2^step) + epsilon)
 *
 * NaN and Infinity in a gradient reach the parameter: test {@link globalNorm} first.
 *
 * @param parameters - updated.
 * @param gradients - like parameters.
 * @param m - first moments, updated; zeros before step 1.
 * @param v - second moments, updated; zeros before step 1.
 * @throws {ShapeError} if the lists or the arrays in them differ in length.
 * @throws {NativeValueError} for an option outside its range.
 * @see Loshchilov and Hutter, arXiv:1711.05101; order of operations as in PyTorch.
 */
export function adamwUpdate(
  parameters: readonly Float32Array[],
  gradients: readonly Float32Array[],
  m: readonly Float32Array[],
  v: readonly Float32Array[],
  options: AdamwOptions,
): void {
  const { learningRate, beta1, beta2, epsilon, weightDecays, step, gradientScale = 1 } = options;
  expectRange('learningRate', learningRate, 0, Number.MAX_VALUE);
  expectRange('beta1', beta1, 0, 1 - 2 ** -24);
  expectRange('beta2', beta2, 0, 1 - 2 ** -24);
  expectRange('epsilon', epsilon, 1e-30, 1);
  expectRange('gradientScale', gradientScale, -Number.MAX_VALUE, Number.MAX_VALUE);
  if (!Number.isInteger(step) || step < 1) {
    throw new NativeValueError(`expected step to be a positive integer, received ${step}`);
  }
  if (weightDecays.length !== parameters.length) {
    throw new ShapeError(`expected ${parameters.length} weightDecays, received ${weightDecays.length}`);
  }
  weightDecays.forEach((decay, i) => {
    expectRange(`weightDecays[${i}]`, decay, 0, 1 / learningRate);
  });
  const decays = Float64Array.from(weightDecays);
  callNative(
    'adamwUpdate',
    parameters,
    gradients,
    m,
    v,
    decays,
    learningRate,
    beta1,
    beta2,
    epsilon,
    step,
    gradientScale,
  );
}
