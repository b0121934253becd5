import { callNative } from './call.js';

/**
 * out = a + b, element by element: the residual stream.
 *
 * @param out - of the length of a and b; may be either.
 * @throws {ShapeError} if the lengths differ.
 */
export function add(a: Float32Array, b: Float32Array, out: Float32Array): void {
  callNative('add', a, b, out);
}
