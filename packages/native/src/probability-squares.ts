import { callNative } from './call.js';
import { NativeValueError, ShapeError } from './errors.js';

export interface ProbabilitySquaresOptions {
  /** Rows. */
  readonly n: number;
  /** Vocabulary. */
  readonly v: number;
  /** Divides the logits; > 0. Default 1. */
  readonly temperature?: number;
}

/**
 * Sum of squared probabilities of each row of logits: 1 for a certain token, 1 / v where none is preferred.
 *
 * @param logits - [n, v]. -Infinity is a token of probability 0; NaN or +Infinity makes its row NaN.
 * @returns [n].
 * @throws {ShapeError} if the length is not n v. @throws {NativeValueError} for a temperature that is not > 0, or v < 1.
 */
export function probabilitySquares(
  logits: Float32Array,
  { n, v, temperature = 1 }: ProbabilitySquaresOptions,
): Float32Array {
  if (!(logits instanceof Float32Array)) throw new ShapeError('expected logits to be a Float32Array');
  if (!(Number.isSafeInteger(v) && v >= 1)) throw new NativeValueError(`expected v to be at least 1, received ${v}`);
  if (logits.length !== n * v) {
    throw new ShapeError(`expected logits.length to be n v ${n * v}, received ${logits.length}`);
  }
  if (!(temperature > 0 && temperature < Number.POSITIVE_INFINITY)) {
    throw new NativeValueError(`expected temperature to be finite and > 0, received ${temperature}`);
  }
  const squares = new Float32Array(n);
  callNative('probabilitySquares', logits, n, v, temperature, squares);
  return squares;
}
