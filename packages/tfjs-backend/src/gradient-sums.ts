import { addGradients } from '@parl-mt/native';
import { isParlActive, parlBackend } from './parl-backend.js';
import { tf } from './tf.js';

/** Gradients of micro-batches, added up by name. On backend `parl` the sums of all names are one call, in place. */
export class GradientSums implements Disposable {
  #sums = new Map<string, tf.Tensor>();

  /** The sums so far; they stay this object's. */
  get values(): ReadonlyMap<string, tf.Tensor> {
    return this.#sums;
  }

  /** Adds to the sums, and takes the tensors over: nobody else disposes or reads them from then on. */
  add(gradients: ReadonlyMap<string, tf.Tensor>): void {
    const [sums, added]: [Float32Array[], Float32Array[]] = [[], []];
    const spent: tf.Tensor[] = [];
    for (const [name, gradient] of gradients) {
      const sum = this.#sums.get(name);
      if (sum === undefined) {
        this.#sums.set(name, gradient);
        continue;
      }
      spent.push(gradient);
      if (isPrivate(sum)) {
        sums.push(parlBackend().floats(sum));
        added.push(parlBackend().floats(gradient));
      } else {
        this.#sums.set(name, tf.add(sum, gradient));
        spent.push(sum);
      }
    }
    if (sums.length > 0) addGradients(sums, added);
    tf.dispose(spent);
  }

  /** Forgets the sums. */
  clear(): void {
    for (const sum of this.#sums.values()) sum.dispose();
    this.#sums = new Map();
  }

  [Symbol.dispose](): void {
    this.clear();
  }
}

/** Whether no other tensor shares the storage, so that it may be written to. */
function isPrivate(tensor: tf.Tensor): boolean {
  if (!isParlActive()) return false;
  const backend = parlBackend();
  return backend.refCount(tensor.dataId) === 1 && backend.data.get(tensor.dataId).values instanceof Float32Array;
}
