import { addon } from './addon.js';
import { requireCudaDevice } from './cuda-device.js';
import { NativeValueError, ShapeError } from './errors.js';

export interface CudaLogprobOptions {
  /** Rows (tokens). */
  readonly n: number;
  /** Vocabulary size, >= 1. */
  readonly v: number;
  /** > 0; logits are divided by it. Default 1. */
  readonly temperature?: number;
}

/** Natural logs, each [n], of the distribution at the temperature. */
export interface CudaLogprobs {
  readonly logprobs: Float32Array;
  readonly entropies: Float32Array;
  readonly lse: Float32Array;
}

/**
 * Log-probability of each target token and entropy of its distribution, on the first CUDA device.
 *
 * The formulas of `logprobForward`; equal to it within rounding, not bit for bit. A NaN or +Infinity logit makes its row
 * NaN, -Infinity is a token of probability 0. Copies logits to the device and results back on every call.
 *
 * @param logits - [n, v], row-major.
 * @param targets - [n], each in [0, v).
 * @throws {ShapeError} if lengths do not fit n and v, or a target is outside [0, v).
 * @throws {NativeValueError} if the temperature is not positive and finite; if there is no CUDA device, with the reason;
 * if the device fails, with kernel and shapes.
 */
export function cudaLogprobForward(
  logits: Float32Array,
  targets: Int32Array,
  { n, v, temperature = 1 }: CudaLogprobOptions,
): CudaLogprobs {
  checkArguments(logits, targets, n, v);
  if (!(Math.fround(temperature) > 0 && Math.fround(1 / temperature) > 0)) {
    throw new NativeValueError(`expected temperature to be positive and finite, received ${temperature}`);
  }
  requireCudaDevice();
  const out = { logprobs: new Float32Array(n), entropies: new Float32Array(n), lse: new Float32Array(n) };
  const { logprobs, entropies, lse } = out;
  const failure = addon['cudaLogprobForward']!(logits, targets, n, v, temperature, logprobs, entropies, lse);
  if (failure !== '') throw new NativeValueError(`the CUDA device failed in ${failure}`);
  return out;
}

function checkArguments(logits: Float32Array, targets: Int32Array, n: number, v: number): void {
  if (!Number.isSafeInteger(n) || n < 0) throw new ShapeError(`expected n to be a non-negative integer, received ${n}`);
  if (!Number.isSafeInteger(v) || v < 1) throw new ShapeError(`expected v to be a positive integer, received ${v}`);
  if (logits.length !== n * v)
    throw new ShapeError(`expected logits.length to be n * v = ${n * v}, received ${logits.length}`);
  if (targets.length !== n) throw new ShapeError(`expected targets.length to be n = ${n}, received ${targets.length}`);
  const outside = targets.findIndex((target) => target < 0 || target >= v);
  if (outside >= 0)
    throw new ShapeError(`expected targets in 0..${v - 1}, received ${targets[outside]} at index ${outside}`);
}
