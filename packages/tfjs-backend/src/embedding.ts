import { embeddingBackward, embeddingForward } from '@parl-mt/native';
import { expectIndices, expectShape } from './expect-shape.js';
import { type FusedOp, runFusedOp } from './fused-op.js';
import { HalfMatrix, type Matrix, matrixTensor, withStandIn } from './half-matrix.js';
import { isParlActive } from './parl-backend.js';
import { tf } from './tf.js';

/**
 * Rows of a matrix by index, repeated indices allowed. Also gathers the rows of a batch that have a target. No gradient flows to a
 * half matrix.
 *
 * @param weight - [rows, d].
 * @param ids - in [0, rows).
 * @returns [ids.length, d].
 * @throws {ShapeError} for an index out of range.
 */
export function embedding(weight: Matrix, ids: Int32Array): tf.Tensor2D {
  expectShape('weight', weight, [null, null]);
  expectIndices('ids', ids, null, weight.shape[0]!);
  if (!isParlActive()) return embeddingComposite(weight, ids);
  const attributes: EmbeddingAttributes = { ids, rows: weight.shape[0]!, half: undefined };
  if (!(weight instanceof HalfMatrix)) return gathered(weight, attributes);
  return withStandIn((standIn) => gathered(standIn, { ...attributes, half: weight }));
}

function gathered(weight: tf.Tensor, attributes: EmbeddingAttributes): tf.Tensor2D {
  return runFusedOp(embeddingKernel.name, { weight }, attributes)[0] as tf.Tensor2D;
}

interface EmbeddingAttributes {
  readonly ids: Int32Array;
  readonly rows: number;
  /** In place of the input. */
  readonly half: HalfMatrix | undefined;
}

export const embeddingKernel: FusedOp<EmbeddingAttributes, 'weight'> = {
  name: 'ParlEmbedding',
  saveInputs: [],
  saveOutputs: [false],
  forward({ weight }, { ids, half }, pool) {
    const d = (half ?? weight).shape[1]!;
    const values = pool.allocate(ids.length * d);
    embeddingForward(half?.bits ?? weight.values, ids, values, { d });
    return [{ values, shape: [ids.length, d] }];
  },
  backward([dOut], _, { ids, rows, half }, pool) {
    if (half !== undefined) return {};
    const d = dOut!.shape[1]!;
    const values = pool.allocateZeros(rows * d);
    embeddingBackward(dOut!.values, ids, values, { d, vocab: rows });
    return { weight: { values, shape: [rows, d] } };
  },
};

/** `embedding` in plain TF.js ops. */
export function embeddingComposite(weight: Matrix, ids: Int32Array): tf.Tensor2D {
  return tf.tidy(() => tf.gather(matrixTensor(weight), tf.tensor1d(ids, 'int32')) as tf.Tensor2D);
}
