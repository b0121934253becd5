import type { CpuTensorData } from '../vendor/tfjs.mjs';
import { BufferPool } from './buffer-pool.js';
import { tf } from './tf.js';

export const PARL = 'parl';

type BackendValues = NonNullable<CpuTensorData['values']>;

/**
 * The cpu backend of TF.js with pooled buffers: kernels of the addon allocate their outputs from `pool`, and disposing
 * a tensor gives its buffer back. `dataSync()` and friends return copies of pooled memory, so that no user holds a
 * buffer that a later op writes into.
 */
export class ParlBackend extends tf.MathBackendCPU {
  readonly pool = new BufferPool();

  constructor() {
    super();
    // The cpu backend's advice to install tfjs-node is not for us.
    (this as unknown as { firstUse: boolean }).firstUse = false;
  }

  override write(values: BackendValues, shape: number[], dtype: tf.DataType): tf.DataId {
    if (ArrayBuffer.isView(values)) this.pool.hold(values);
    return super.write(values, shape, dtype);
  }

  override readSync(dataId: tf.DataId): BackendValues {
    const values = super.readSync(dataId);
    return values instanceof Float32Array && this.pool.owns(values) ? values.slice() : values;
  }

  override disposeData(dataId: tf.DataId, force = false): boolean {
    const values = this.data.has(dataId) ? this.data.get(dataId).values : undefined;
    const isGone = super.disposeData(dataId, force);
    if (isGone && values instanceof Float32Array) this.pool.release(values);
    return isGone;
  }

  /**
   * Storage of a float32 tensor, not a copy. Kernels only: it may be recycled as soon as the tensor is disposed.
   *
   * A cast from int32 or bool keeps the integers' array under the new type; that one is converted into an array of its own.
   */
  floats(info: tf.TensorInfo): Float32Array {
    const { values } = this.data.get(info.dataId);
    return values instanceof Float32Array ? values : Float32Array.from(values as ArrayLike<number>);
  }
}

/** Whether ops now run on backend `parl`. */
export function isParlActive(): boolean {
  return tf.getBackend() === PARL;
}

/**
 * The live `parl` backend.
 * @throws {Error} when another backend is active.
 */
export function parlBackend(): ParlBackend {
  const backend = tf.backend();
  if (!(backend instanceof ParlBackend)) {
    throw new Error(`expected backend parl to be active, found ${tf.getBackend()}: call selectBackend('parl') first`);
  }
  return backend;
}
