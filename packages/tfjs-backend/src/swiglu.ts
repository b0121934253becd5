import { expectShape } from './expect-shape.js';
import { tf } from './tf.js';

/**
 * silu(gate) * up, silu(x) = x / (1 + exp(-x)).
 *
 * @param gate - any shape.
 * @param up - the same shape.
 * @returns the same shape.
 * @see Shazeer 2020, arXiv:2002.05202.
 */
export function swiglu<T extends tf.Tensor>(gate: T, up: T): T {
  expectShape('up', up, gate.shape);
  return swigluComposite(gate, up);
}

/** `swiglu` in plain TF.js ops. */
export function swigluComposite<T extends tf.Tensor>(gate: T, up: T): T {
  return tf.tidy(() => tf.mul(tf.mul(gate, tf.sigmoid(gate)), up));
}
