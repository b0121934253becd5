import { attentionBackward, attentionForward, ShapeError } from '@parl-mt/native';
import { expectShape } from './expect-shape.js';
import { type FusedOp, type Operand, runFusedOp } from './fused-op.js';
import { isParlActive } from './parl-backend.js';
import { tf } from './tf.js';

export interface CausalAttentionOptions {
  readonly numHeads: number;
  /** Divides numHeads; query head h reads key/value head floor(h / (numHeads / numKvHeads)). */
  readonly numKvHeads: number;
  /** [sequences]: the sequence that each one continues, an earlier one, or -1: it sees all of that one. Default: none continues another. */
  readonly parents?: Int32Array | undefined;
}

/**
 * Causal grouped-query attention over packed sequences: a token sees itself and what comes before it in its sequence, and in those that
 * its sequence continues.
 * Scores are scaled by 1 / sqrt(headDim).
 *
 * @param q - [n, numHeads * headDim].
 * @param k - [n, numKvHeads * headDim].
 * @param v - [n, numKvHeads * headDim].
 * @param offsets - first row of each sequence, then n: length sequences + 1, ascending from 0.
 * @returns [n, numHeads * headDim].
 * @throws {ShapeError} when extents or offsets do not fit.
 * @see Ainslie et al. 2023, arXiv:2305.13245 (grouped queries).
 */
export function causalAttention(
  q: tf.Tensor,
  k: tf.Tensor,
  v: tf.Tensor,
  offsets: Int32Array,
  options: CausalAttentionOptions,
): tf.Tensor2D {
  const { numHeads, numKvHeads } = options;
  expectShape('q', q, [null, null]);
  const [n, width] = q.shape as [number, number];
  if (width % numHeads !== 0 || numHeads % numKvHeads !== 0) {
    throw new ShapeError(
      `expected numHeads to divide ${width} columns and numKvHeads to divide numHeads, received ${numHeads} and ${numKvHeads}`,
    );
  }
  const kvWidth = (width / numHeads) * numKvHeads;
  expectShape('k', k, [n, kvWidth]);
  expectShape('v', v, [n, kvWidth]);
  expectOffsets(offsets, n);
  expectParents(options.parents, offsets.length - 1);
  if (!isParlActive()) return causalAttentionComposite(q, k, v, offsets, options);
  return runFusedOp(causalAttentionKernel.name, { q, k, v }, { offsets, ...options })[0] as tf.Tensor2D;
}

interface CausalAttentionAttributes extends CausalAttentionOptions {
  readonly offsets: Int32Array;
}

/** Outputs: the mixed values, and log-sum-exp of each row and head, from which the backward pass makes weights again. */
export const causalAttentionKernel: FusedOp<CausalAttentionAttributes, 'q' | 'k' | 'v'> = {
  name: 'ParlCausalAttention',
  saveInputs: ['q', 'k', 'v'],
  saveOutputs: [true, true],
  forward({ q, k, v }, { offsets, numHeads, numKvHeads, parents }, pool) {
    const [n, width] = q.shape as [number, number];
    const out = pool.allocate(n * width);
    const lse = pool.allocate(n * numHeads);
    const shape = { numHeads, numKvHeads, headDim: width / numHeads, parents };
    attentionForward(q.values, k.values, v.values, offsets, out, lse, shape);
    return [
      { values: out, shape: q.shape },
      { values: lse, shape: [n, numHeads] },
    ];
  },
  backward([dOut], saved, { offsets, numHeads, numKvHeads, parents }, pool) {
    const [q, k, v, out, lse] = saved as [Operand, Operand, Operand, Operand, Operand];
    const dq = pool.allocate(q.values.length);
    const dk = pool.allocate(k.values.length);
    const dv = pool.allocate(v.values.length);
    const shape = { numHeads, numKvHeads, headDim: q.shape[1]! / numHeads, parents };
    const forward = [q.values, k.values, v.values, out.values, lse.values, offsets] as const;
    attentionBackward(dOut!.values, ...forward, dq, dk, dv, shape);
    return {
      q: { values: dq, shape: q.shape },
      k: { values: dk, shape: k.shape },
      v: { values: dv, shape: v.shape },
    };
  },
};

/** `causalAttention` in plain TF.js ops: the full [n, n] score matrix under a mask made from the offsets. */
export function causalAttentionComposite(
  q: tf.Tensor,
  k: tf.Tensor,
  v: tf.Tensor,
  offsets: Int32Array,
  { numHeads, numKvHeads, parents }: CausalAttentionOptions,
): tf.Tensor2D {
  return tf.tidy(() => {
    const [n, width] = q.shape as [number, number];
    if (n === 0) return tf.reshape(tf.mul(q, 1), [0, width]) as tf.Tensor2D;
    const headDim = width / numHeads;
    const group = numHeads / numKvHeads;
    // Query heads that share a key head become one long head: TF.js cannot tile rank-5 gradients.
    const queries = tf.reshape(tf.transpose(tf.reshape(q, [n, numKvHeads, group, headDim]), [1, 2, 0, 3]), [
      numKvHeads,
      group * n,
      headDim,
    ]);
    const keys = tf.transpose(tf.reshape(k, [n, numKvHeads, headDim]), [1, 0, 2]);
    const values = tf.transpose(tf.reshape(v, [n, numKvHeads, headDim]), [1, 0, 2]);
    const scores = tf.reshape(tf.mul(tf.matMul(queries, keys, false, true), 1 / Math.sqrt(headDim)), [
      numKvHeads * group,
      n,
      n,
    ]);
    const weights = tf.softmax(tf.add(scores, causalMask(offsets, parents, n)), 2);
    const mixed = tf.matMul(tf.reshape(weights, [numKvHeads, group * n, n]), values);
    return tf.reshape(tf.transpose(tf.reshape(mixed, [numKvHeads, group, n, headDim]), [2, 0, 1, 3]), [n, width]);
  });
}

/** [1, n, n]: 0 where row may see column, a large negative number elsewhere (its exponential is exactly 0). */
function causalMask(offsets: Int32Array, parents: Int32Array | undefined, n: number): tf.Tensor3D {
  const mask = new Float32Array(n * n).fill(-1e30);
  for (let s = 0; s + 1 < offsets.length; s++) {
    const start = offsets[s]!;
    for (let row = start; row < offsets[s + 1]!; row++) {
      mask.fill(0, row * n + start, row * n + row + 1);
      for (let seen = parents?.[s] ?? -1; seen >= 0; seen = parents![seen]!) {
        mask.fill(0, row * n + offsets[seen]!, row * n + offsets[seen + 1]!);
      }
    }
  }
  return tf.tensor3d(mask, [1, n, n]);
}

function expectOffsets(offsets: Int32Array, n: number): void {
  const isAscending = offsets.every((offset, i) => i === 0 || offset >= offsets[i - 1]!);
  if (offsets.length === 0 || offsets[0] !== 0 || offsets[offsets.length - 1] !== n || !isAscending) {
    throw new ShapeError(`expected offsets ascending from 0 to ${n}, received [${offsets.join(', ')}]`);
  }
}

function expectParents(parents: Int32Array | undefined, sequences: number): void {
  if (parents === undefined) return;
  if (parents.length !== sequences || parents.some((parent, s) => parent < -1 || parent >= s)) {
    throw new ShapeError(
      `expected ${sequences} parents, each -1 or an earlier sequence, received [${parents.join(', ')}]`,
    );
  }
}
