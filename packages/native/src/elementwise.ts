import { callNative } from './call.js';

export type Arithmetic = 'add' | 'subtract' | 'multiply' | 'divide';

/**
 * out = a op b, element by element, correctly rounded.
 *
 * @param a - of the length of out, or a single element that serves all of it.
 * @param b - likewise.
 * @param out - may be a or b.
 * @throws {ShapeError} if a length does not fit.
 */
export function arithmetic(operation: Arithmetic, a: Float32Array, b: Float32Array, out: Float32Array): void {
  callNative('arithmetic', operation, a, b, out);
}
