import { callNative } from './call.js';

/**
 * SwiGLU: out = silu(gate) * up, silu(x) = x / (1 + e^-x), element by element.
 *
 * Finite for every finite gate; a gate of -Infinity gives NaN.
 *
 * @param out - of the length of gate and up, overwritten; may be either.
 * @throws {ShapeError} if the lengths differ.
 * @see Shazeer, arXiv:2002.05202.
 */
export function swigluForward(gate: Float32Array, up: Float32Array, out: Float32Array): void {
  callNative('swigluForward', gate, up, out);
}

/**
 * Gradient of {@link swigluForward}.
 *
 * @param dGate - overwritten; may be dOut or gate.
 * @param dUp - overwritten; may be up, not dGate.
 * @throws {ShapeError} if the lengths differ.
 */
export function swigluBackward(
  dOut: Float32Array,
  gate: Float32Array,
  up: Float32Array,
  dGate: Float32Array,
  dUp: Float32Array,
): void {
  callNative('swigluBackward', dOut, gate, up, dGate, dUp);
}
