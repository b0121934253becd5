import { expectShape } from './expect-shape.js';
import { tf } from './tf.js';

/**
 * Root-mean-square normalisation over the last axis: x / sqrt(mean(x^2) + epsilon) * weight.
 *
 * @param x - [n, d].
 * @param weight - [d].
 * @param epsilon - added to the mean square; positive.
 * @returns [n, d].
 * @see Zhang and Sennrich 2019, arXiv:1910.07467.
 */
export function rmsNorm(x: tf.Tensor, weight: tf.Tensor, epsilon: number): tf.Tensor2D {
  expectShape('x', x, [null, null]);
  expectShape('weight', weight, [x.shape[1]!]);
  return rmsNormComposite(x, weight, epsilon);
}

/** `rmsNorm` in plain TF.js ops. */
export function rmsNormComposite(x: tf.Tensor, weight: tf.Tensor, epsilon: number): tf.Tensor2D {
  return tf.tidy(() => {
    const meanSquare = tf.mean(tf.square(x), 1, true);
    return tf.mul(tf.mul(x, tf.rsqrt(tf.add(meanSquare, epsilon))), weight);
  });
}

/**
 * Residual addition followed by `rmsNorm`: the pair a pre-norm decoder repeats twice per layer.
 *
 * @param x - residual stream, [n, d].
 * @param delta - what the last block adds to it, [n, d].
 * @returns sum = x + delta, and its norm.
 */
export function addRmsNorm(
  x: tf.Tensor,
  delta: tf.Tensor,
  weight: tf.Tensor,
  epsilon: number,
): { sum: tf.Tensor2D; normed: tf.Tensor2D } {
  expectShape('x', x, [null, null]);
  expectShape('delta', delta, x.shape);
  expectShape('weight', weight, [x.shape[1]!]);
  return addRmsNormComposite(x, delta, weight, epsilon);
}

/** `addRmsNorm` in plain TF.js ops. */
export function addRmsNormComposite(
  x: tf.Tensor,
  delta: tf.Tensor,
  weight: tf.Tensor,
  epsilon: number,
): { sum: tf.Tensor2D; normed: tf.Tensor2D } {
  const sum = tf.add(x, delta) as tf.Tensor2D;
  return { sum, normed: rmsNormComposite(sum, weight, epsilon) };
}
