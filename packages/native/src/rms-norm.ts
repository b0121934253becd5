import { callNative } from './call.js';
import { expectRange } from './expect-range.js';

/**
 * Root-mean-square normalisation of rows: y = weight * (x * rstd), rstd = 1 / sqrt(mean(x^2) + eps).
 *
 * @param x - [n, d].
 * @param weight - [d].
 * @param y - [n, d], overwritten; may be x.
 * @param rstd - [n], overwritten: what the backward pass needs.
 * @param options.eps - 0 to 1, inside the root; 1e-6 in Qwen2. A row of zeros with eps 0 gives NaN.
 * @throws {ShapeError} if a length does not fit n and d.
 * @throws {NativeValueError} for an eps outside its range.
 * @see Zhang and Sennrich, arXiv:1910.07467.
 */
export function rmsNormForward(
  x: Float32Array,
  weight: Float32Array,
  y: Float32Array,
  rstd: Float32Array,
  options: { readonly n: number; readonly d: number; readonly eps: number },
): void {
  expectRange('eps', options.eps, 0, 1);
  callNative('rmsNormForward', x, weight, y, rstd, options.n, options.d, options.eps);
}

/**
 * Gradient of {@link rmsNormForward}.
 *
 * @param dy - [n, d], gradient of y.
 * @param rstd - [n], from the forward pass.
 * @param dx - [n, d], overwritten; may be dy.
 * @param dWeight - [d], accumulated over ascending rows.
 * @throws {ShapeError} if a length does not fit n and d.
 */
export function rmsNormBackward(
  dy: Float32Array,
  x: Float32Array,
  weight: Float32Array,
  rstd: Float32Array,
  dx: Float32Array,
  dWeight: Float32Array,
  shape: { readonly n: number; readonly d: number },
): void {
  callNative('rmsNormBackward', dy, x, weight, rstd, dx, dWeight, shape.n, shape.d);
}

/**
 * What a block adds to the residual stream, and the norm of the sum: sum = x + delta, y = the norm of sum, with the bits of both steps.
 *
 * @param x - [n, d].
 * @param delta - [n, d].
 * @param weight - [d].
 * @param sum - [n, d], overwritten; may be x or delta.
 * @param y - [n, d], overwritten; may be x or delta, and is not sum.
 * @param rstd - [n], overwritten: what the backward pass needs.
 * @param options.eps - 0 to 1, inside the root.
 * @throws {ShapeError} if a length does not fit n and d.
 * @throws {NativeValueError} for an eps outside its range.
 */
export function addRmsNormForward(
  x: Float32Array,
  delta: Float32Array,
  weight: Float32Array,
  sum: Float32Array,
  y: Float32Array,
  rstd: Float32Array,
  options: { readonly n: number; readonly d: number; readonly eps: number },
): void {
  expectRange('eps', options.eps, 0, 1);
  callNative('addRmsNormForward', x, delta, weight, sum, y, rstd, options.n, options.d, options.eps);
}

/**
 * Gradient of {@link addRmsNormForward}, of x and of delta alike.
 *
 * @param dy - [n, d], gradient of y.
 * @param dSum - [n, d], gradient that comes to the sum by other ways.
 * @param sum - [n, d], from the forward pass.
 * @param rstd - [n], from the forward pass.
 * @param dx - [n, d], overwritten; may be dy or dSum.
 * @param dWeight - [d], accumulated over ascending rows.
 * @throws {ShapeError} if a length does not fit n and d.
 */
export function addRmsNormBackward(
  dy: Float32Array,
  dSum: Float32Array,
  sum: Float32Array,
  weight: Float32Array,
  rstd: Float32Array,
  dx: Float32Array,
  dWeight: Float32Array,
  shape: { readonly n: number; readonly d: number },
): void {
  callNative('addRmsNormBackward', dy, dSum, sum, weight, rstd, dx, dWeight, shape.n, shape.d);
}
