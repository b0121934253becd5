import { addRmsNormBackward, addRmsNormForward, rmsNormBackward, rmsNormForward } from '@parl-mt/native';
import { expectShape } from './expect-shape.js';
import { type FusedOp, type Operand, runFusedOp } from './fused-op.js';
import { isParlActive } from './parl-backend.js';
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
  if (!isParlActive()) return rmsNormComposite(x, weight, epsilon);
  return runFusedOp(rmsNormKernel.name, { x, weight }, { epsilon })[0] as tf.Tensor2D;
}

interface RmsNormAttributes {
  readonly epsilon: number;
}

/** Outputs: the norm, and 1 / root of each row for the backward pass. */
export const rmsNormKernel: FusedOp<RmsNormAttributes, 'x' | 'weight'> = {
  name: 'ParlRmsNorm',
  saveInputs: ['x', 'weight'],
  saveOutputs: [false, true],
  forward({ x, weight }, { epsilon }, pool) {
    const [n, d] = x.shape as [number, number];
    const y = pool.allocate(n * d);
    const rstd = pool.allocate(n);
    rmsNormForward(x.values, weight.values, y, rstd, { n, d, eps: epsilon });
    return [
      { values: y, shape: x.shape },
      { values: rstd, shape: [n] },
    ];
  },
  backward([dy], saved, _, pool) {
    const [x, weight, rstd] = saved as [Operand, Operand, Operand];
    const [n, d] = x.shape as [number, number];
    const dx = pool.allocate(n * d);
    const dWeight = pool.allocateZeros(d);
    rmsNormBackward(dy!.values, x.values, weight.values, rstd.values, dx, dWeight, { n, d });
    return { x: { values: dx, shape: x.shape }, weight: { values: dWeight, shape: [d] } };
  },
};

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
  if (!isParlActive()) return addRmsNormComposite(x, delta, weight, epsilon);
  const [sum, normed] = runFusedOp(addRmsNormKernel.name, { x, delta, weight }, { epsilon });
  return { sum: sum as tf.Tensor2D, normed: normed as tf.Tensor2D };
}

/** Outputs: sum, norm, and 1 / root of each row for the backward pass. */
export const addRmsNormKernel: FusedOp<RmsNormAttributes, 'x' | 'delta' | 'weight'> = {
  name: 'ParlAddRmsNorm',
  saveInputs: ['weight'],
  saveOutputs: [true, false, true],
  forward({ x, delta, weight }, { epsilon }, pool) {
    const [n, d] = x.shape as [number, number];
    const sum = pool.allocate(n * d);
    const y = pool.allocate(n * d);
    const rstd = pool.allocate(n);
    addRmsNormForward(x.values, delta.values, weight.values, sum, y, rstd, { n, d, eps: epsilon });
    return [
      { values: sum, shape: x.shape },
      { values: y, shape: x.shape },
      { values: rstd, shape: [n] },
    ];
  },
  backward([dSum, dNormed], saved, _, pool) {
    const [weight, sum, rstd] = saved as [Operand, Operand, Operand];
    const [n, d] = sum.shape as [number, number];
    const dx = pool.allocate(n * d);
    const dWeight = pool.allocateZeros(d);
    addRmsNormBackward(dNormed!.values, dSum!.values, sum.values, weight.values, rstd.values, dx, dWeight, { n, d });
    const both = { values: dx, shape: sum.shape };
    return { x: both, delta: both, weight: { values: dWeight, shape: [d] } };
  },
};

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
