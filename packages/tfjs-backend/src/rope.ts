import { type RopeAngles, ropeApply, ShapeError } from '@parl-mt/native';
import { expectIndices, expectShape } from './expect-shape.js';
import { type FusedOp, runFusedOp } from './fused-op.js';
import { isParlActive } from './parl-backend.js';
import { tf } from './tf.js';

export interface RopeOptions extends RopeAngles {
  /** Heads side by side in the last axis; each of even width. */
  readonly numHeads: number;
}

/**
 * Rotary position embedding, "rotate half" convention of Hugging Face: element i of a head of width h is paired with i + h/2,
 * and turned by position * theta^(-2i/h), or by position * frequencies[i].
 *
 * @param x - [n, numHeads * headDim].
 * @param positions - one per row, 0 or more.
 * @returns same shape.
 * @throws {ShapeError} when headDim is not a whole even number, or positions do not fit.
 * @see Su et al. 2021, arXiv:2104.09864.
 */
export function rope(x: tf.Tensor, positions: Int32Array, options: RopeOptions): tf.Tensor2D {
  expectShape('x', x, [null, null]);
  expectIndices('positions', positions, x.shape[0]!, 2 ** 31);
  const headDim = x.shape[1]! / options.numHeads;
  if (!Number.isInteger(headDim) || headDim % 2 !== 0) {
    throw new ShapeError(`expected heads of even width, received ${x.shape[1]} columns for ${options.numHeads} heads`);
  }
  if (!isParlActive()) return ropeComposite(x, positions, options);
  return runFusedOp(ropeKernel.name, { x }, { positions, ...options })[0] as tf.Tensor2D;
}

interface RopeAttributes extends RopeOptions {
  readonly positions: Int32Array;
}

/** The gradient of a rotation is the rotation back, with the same scale. */
export const ropeKernel: FusedOp<RopeAttributes, 'x'> = {
  name: 'ParlRope',
  saveInputs: [],
  saveOutputs: [false],
  forward({ x }, { positions, numHeads, ...angles }, pool) {
    const [n, width] = x.shape as [number, number];
    const values = pool.allocate(n * width);
    ropeApply(x.values, positions, values, { n, heads: numHeads, headDim: width / numHeads, ...angles });
    return [{ values, shape: x.shape }];
  },
  backward([dy], _, { positions, numHeads, ...angles }, pool) {
    const [n, width] = dy!.shape as [number, number];
    const values = pool.allocate(n * width);
    const shape = { n, heads: numHeads, headDim: width / numHeads, ...angles, inverse: true };
    ropeApply(dy!.values, positions, values, shape);
    return { x: { values, shape: dy!.shape } };
  },
};

/** `rope` in plain TF.js ops. */
export function ropeComposite(
  x: tf.Tensor,
  positions: Int32Array,
  { numHeads, theta, frequencies, scale = 1 }: RopeOptions,
): tf.Tensor2D {
  return tf.tidy(() => {
    const [n, width] = x.shape as [number, number];
    const half = width / numHeads / 2;
    const cosines = new Float32Array(n * half);
    const sines = new Float32Array(n * half);
    for (let row = 0; row < n; row++) {
      for (let i = 0; i < half; i++) {
        const angle = positions[row]! * (frequencies?.[i] ?? theta ** (-i / half));
        cosines[row * half + i] = scale * Math.cos(angle);
        sines[row * half + i] = scale * Math.sin(angle);
      }
    }
    const cos = tf.tensor3d(cosines, [n, 1, half]);
    const sin = tf.tensor3d(sines, [n, 1, half]);
    const heads = tf.reshape(x, [n, numHeads, 2 * half]);
    const first = tf.slice(heads, [0, 0, 0], [n, numHeads, half]);
    const second = tf.slice(heads, [0, 0, half], [n, numHeads, half]);
    const rotated = tf.concat(
      [tf.sub(tf.mul(first, cos), tf.mul(second, sin)), tf.add(tf.mul(second, cos), tf.mul(first, sin))],
      2,
    );
    return tf.reshape(rotated, [n, width]);
  });
}
