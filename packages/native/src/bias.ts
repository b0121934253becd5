import { callNative } from './call.js';

/**
 * Adds a bias to every row: out = y + bias.
 *
 * @param y - [n, d].
 * @param bias - [d].
 * @param out - [n, d]; may be y.
 * @throws {ShapeError} if a length does not fit n and d.
 */
export function addBias(
  y: Float32Array,
  bias: Float32Array,
  out: Float32Array,
  shape: { readonly n: number; readonly d: number },
): void {
  callNative('addBias', y, bias, out, shape.n, shape.d);
}

/**
 * Column sums: out[j] (+)= the sum of dy[i][j] over ascending rows i, the gradient of a bias.
 *
 * @param dy - [n, d].
 * @param out - [d]; overwritten, or added to when `accumulate` is set (default false).
 * @throws {ShapeError} if a length does not fit n and d.
 */
export function columnSum(
  dy: Float32Array,
  out: Float32Array,
  shape: { readonly n: number; readonly d: number; readonly accumulate?: boolean },
): void {
  callNative('columnSum', dy, out, shape.n, shape.d, shape.accumulate ?? false);
}
