import { expectIndices, expectShape } from './expect-shape.js';
import { tf } from './tf.js';

/**
 * Rows of a matrix by index, repeated indices allowed. Also gathers the rows of a batch that have a target.
 *
 * @param weight - [rows, d].
 * @param ids - in [0, rows).
 * @returns [ids.length, d].
 * @throws {ShapeError} for an index out of range.
 */
export function embedding(weight: tf.Tensor, ids: Int32Array): tf.Tensor2D {
  expectShape('weight', weight, [null, null]);
  expectIndices('ids', ids, null, weight.shape[0]!);
  return embeddingComposite(weight, ids);
}

/** `embedding` in plain TF.js ops. */
export function embeddingComposite(weight: tf.Tensor, ids: Int32Array): tf.Tensor2D {
  return tf.tidy(() => tf.gather(weight, tf.tensor1d(ids, 'int32')) as tf.Tensor2D);
}
