import { callNative } from './call.js';
import { expectRange } from './expect-range.js';

export interface RopeOptions {
  /** Rows (tokens). */
  readonly n: number;
  readonly heads: number;
  /** Even. */
  readonly headDim: number;
  /** Base of the frequencies, 1 to 1e12; 10000 in Llama 2, 1e6 in Qwen2.5. */
  readonly theta: number;
  /** Turn the other way: the backward pass. Default false. */
  readonly inverse?: boolean;
}

/**
 * Rotary position embedding: in every head, dimensions i and i + headDim / 2 are turned by position * theta^(-2i / headDim)
 * (the "rotate half" form of Hugging Face). The gradient is the inverse rotation.
 *
 * @param x - [n, heads, headDim].
 * @param positions - [n], 0 or more; positions below 65536 come from a table kept per theta and headDim.
 * @param out - like x, overwritten; may be x.
 * @throws {ShapeError} if a length does not fit, headDim is odd, or a position is negative.
 * @throws {NativeValueError} for a theta outside its range.
 * @see Su et al., arXiv:2104.09864.
 */
export function ropeApply(x: Float32Array, positions: Int32Array, out: Float32Array, options: RopeOptions): void {
  const { n, heads, headDim, theta, inverse = false } = options;
  expectRange('theta', theta, 1, 1e12);
  callNative('ropeApply', x, positions, out, n, heads, headDim, theta, inverse);
}
