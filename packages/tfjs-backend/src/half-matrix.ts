import { fromBfloat16, ShapeError, toBfloat16 } from '@parl-mt/native';
import { tf } from './tf.js';
import { readVariable } from './variable-storage.js';

/**
 * A constant matrix in bfloat16, half the memory of a variable: the weights under an adapter. It is no tensor, so that no op reads
 * its bits as something else; the ops that take one compute in float32, with the bits of the same op over its widened values.
 */
export class HalfMatrix {
  /** [rows, columns]. */
  readonly shape: readonly [number, number];
  /** Row-major, the upper halves of float32 values. */
  readonly bits: Uint16Array;

  /** @throws {ShapeError} when the shape does not fit. */
  constructor(bits: Uint16Array, shape: readonly [number, number]) {
    if (shape.length !== 2 || bits.length !== shape[0] * shape[1]) {
      throw new ShapeError(`expected a matrix of ${bits.length} elements, received the shape [${shape.join(', ')}]`);
    }
    this.bits = bits;
    this.shape = shape;
  }

  /** Rounds to nearest, ties to even. */
  static from(values: Float32Array, shape: readonly [number, number]): HalfMatrix {
    return new HalfMatrix(toBfloat16(values), shape);
  }

  get size(): number {
    return this.bits.length;
  }

  /** The values, as float32. */
  widened(): Float32Array {
    return fromBfloat16(this.bits);
  }
}

/** A matrix that an op reads: a tensor, or constant values in half the memory. */
export type Matrix = tf.Tensor | HalfMatrix;

/** A tensor of the matrix: itself, or its values widened, for ops of TF.js. */
export function matrixTensor(matrix: Matrix): tf.Tensor2D {
  return matrix instanceof HalfMatrix
    ? tf.tensor2d(matrix.widened(), [...matrix.shape], 'float32')
    : (matrix as tf.Tensor2D);
}

/** A copy of the values of a weight, as float32. */
export function readWeight(weight: Matrix): Float32Array {
  return weight instanceof HalfMatrix ? weight.widened() : readVariable(weight);
}

/**
 * Runs a fused op with a tensor that stands in for a half matrix, which goes with the op's attributes: TF.js takes tensors alone as
 * inputs.
 */
export function withStandIn<T extends tf.TensorContainer>(run: (standIn: tf.Tensor) => T): T {
  return tf.tidy(() => run(tf.tensor([], [0], 'float32')));
}
