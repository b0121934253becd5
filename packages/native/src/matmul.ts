import { callNative } from './call.js';
import { expectApart } from './expect-apart.js';
import type { WeightValues } from './weight-values.js';

export interface MatmulOptions {
  /** Rows of out. */
  readonly m: number;
  /** Columns of out. */
  readonly n: number;
  /** Length of the sums; 0 gives zeros. */
  readonly k: number;
  /** a is stored [k, m]. Default false. */
  readonly transposeA?: boolean;
  /** b is stored [n, k], as a Hugging Face weight [out, in] is in y = x W^T. Default false. */
  readonly transposeB?: boolean;
  /** Add to out instead of overwriting it. Default false. */
  readonly accumulate?: boolean;
}

/**
 * Matrix product: out[m, n] (+)= op(a)[m, k] op(b)[k, n], float32, row-major.
 *
 * Every element is one chain of fused multiply-adds over ascending k, started from 0 or, when accumulating, from the old
 * element. So a row's bits depend neither on the other rows nor on the number of threads, and accumulating over pieces
 * of k gives the bits of one call. NaN and Infinity propagate within their row and column.
 *
 * @example
 * // A linear layer with weight [out, in]: forward, and both gradients.
 * matmul(x, weight, y, { m: tokens, n: outputs, k: inputs, transposeB: true });
 * matmul(dy, weight, dx, { m: tokens, n: inputs, k: outputs });
 * matmul(dy, x, dWeight, { m: outputs, n: inputs, k: tokens, transposeA: true, accumulate: true });
 *
 * @param a - m * k elements.
 * @param b - k * n elements.
 * @param out - m * n elements; overlaps neither a nor b.
 * @throws {ShapeError} if a length does not fit m, n and k.
 * @throws {NativeValueError} if out overlaps an input.
 */
export function matmul(a: Float32Array, b: WeightValues, out: Float32Array, options: MatmulOptions): void {
  const { m, n, k, transposeA = false, transposeB = false, accumulate = false } = options;
  expectApart('out', out, { a, b });
  callNative('matmul', a, b, out, m, n, k, transposeA, transposeB, accumulate);
}

export interface MatmulGradientsOptions {
  /** Columns of x and of every gradient. */
  readonly n: number;
  /** Rows of x and of every dy. */
  readonly k: number;
}

/**
 * Gradients of the weights of several linear maps of one input: gradients[i] [m_i, n] = dys[i]^T x, with the bits of
 * `matmul(dys[i], x, gradients[i], { m, n, k, transposeA: true })`. The input is packed once for all of them.
 *
 * @param dys - [k, m_i] each. @param x - [k, n].
 * @param gradients - as many as dys, overwritten; none overlaps an input or another.
 * @throws {ShapeError} if a length does not fit. @throws {NativeValueError} if a gradient overlaps an input or another.
 */
export function matmulGradients(
  dys: readonly Float32Array[],
  x: Float32Array,
  gradients: readonly Float32Array[],
  { n, k }: MatmulGradientsOptions,
): void {
  const inputs: Record<string, Float32Array> = { x };
  for (const [i, dy] of dys.entries()) inputs[`dys[${i}]`] = dy;
  for (const [i, gradient] of gradients.entries()) {
    expectApart(`gradients[${i}]`, gradient, inputs);
    inputs[`gradients[${i}]`] = gradient; // threads write all of them at once
  }
  callNative('matmulGradients', dys, x, gradients, n, k);
}
