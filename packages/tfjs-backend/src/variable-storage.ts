import { ShapeError } from '@parl-mt/native';
import { isParlActive, parlBackend } from './parl-backend.js';
import { tf } from './tf.js';

/**
 * The storage itself of a float32 variable on backend `parl`: what is written there is the variable's value, with no
 * copy in between. It stays the same array as long as the variable is updated in place (`writeVariable`, `AdamW`);
 * `variable.assign` replaces it. The pool never recycles it. Tensors that share the storage (the variable's initial value,
 * a clone, a reshape) change with it: take a `readVariable` copy of what is to stay.
 *
 * @throws {Error} when another backend is active.
 * @throws {ShapeError} when the variable does not hold floats.
 */
export function variableBuffer(variable: tf.Tensor): Float32Array {
  const backend = parlBackend();
  const { values } = backend.data.get(variable.dataId);
  if (!(values instanceof Float32Array)) {
    throw new ShapeError(
      `expected a variable stored as float32, received ${variable.dtype}, possibly cast from integers`,
    );
  }
  backend.pool.forget(values);
  return values;
}

/**
 * Overwrites a variable: in place on backend `parl`, by `assign` elsewhere.
 * @throws {ShapeError} when the number of values is not the variable's size.
 */
export function writeVariable(variable: tf.Variable, values: Float32Array): void {
  if (values.length !== variable.size) {
    throw new ShapeError(`expected ${variable.size} values for ${variable.name}, received ${values.length}`);
  }
  if (isParlActive()) {
    variableBuffer(variable).set(values);
    return;
  }
  const replacement = tf.tensor(values.slice(), variable.shape, 'float32');
  variable.assign(replacement);
  replacement.dispose();
}

/** A copy of a variable's values. */
export function readVariable(variable: tf.Tensor): Float32Array {
  return (variable.dataSync() as Float32Array).slice();
}
