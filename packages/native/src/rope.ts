import { callNative } from './call.js';
import { expectRange } from './expect-range.js';

/** How far a pair of dimensions turns from one position to the next. */
export interface RopeAngles {
  /** Base of the frequencies, 1 to 1e12; 10000 in Llama 2, 1e6 in Qwen2.5. */
  readonly theta: number;
  /** [headDim / 2], radians a position, finite and at least 0: instead of theta^(-2i / headDim), which is then not used. */
  readonly frequencies?: Float32Array | undefined;
  /** Factor of cosines and sines, 1e-3 to 1e3 (yarn's attention scaling). Default 1. */
  readonly scale?: number | undefined;
}

export interface RopeOptions extends RopeAngles {
  /** Rows (tokens). */
  readonly n: number;
  readonly heads: number;
  /** Even. */
  readonly headDim: number;
  /** Turn the other way: the backward pass. Default false. */
  readonly inverse?: boolean;
}

/**
 * Rotary position embedding: in every head, dimensions i and i + headDim / 2 are turned by position * theta^(-2i / headDim)
 * (the "rotate half" form of Hugging Face), or by position * frequencies[i]. The gradient is the inverse rotation.
 *
 * @param x - [n, heads, headDim].
 * @param positions - [n], 0 or more; positions below 65536 come from a table kept per headDim and angles.
 * @param out - like x, overwritten; may be x.
 * @throws {ShapeError} if a length does not fit, headDim is odd, or a position is negative.
 * @throws {NativeValueError} for a theta, a frequency or a scale outside its range.
 * @see Su et al., arXiv:2104.09864.
 */
export function ropeApply(x: Float32Array, positions: Int32Array, out: Float32Array, options: RopeOptions): void {
  const { n, heads, headDim, theta, frequencies = null, scale = 1, inverse = false } = options;
  checkRopeAngles(options);
  callNative('ropeApply', x, positions, out, n, heads, headDim, theta, inverse, frequencies, scale);
}

/** @throws {NativeValueError} for a theta, a frequency or a scale outside its range. */
export function checkRopeAngles({ theta, frequencies, scale = 1 }: RopeAngles): void {
  expectRange('theta', theta, 1, 1e12);
  expectRange('scale', scale, 1e-3, 1e3);
  for (const [i, frequency] of (frequencies ?? []).entries()) expectRange(`frequencies[${i}]`, frequency, 0, 1e6);
}
