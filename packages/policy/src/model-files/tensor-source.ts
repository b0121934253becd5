/** A tensor in a file, before it is read. */
export interface StoredTensorInfo {
  /** Row-major. */
  readonly shape: readonly number[];
  /** The file's name of the element type: F32, BF16, Q4_K, ... */
  readonly type: string;
}

/** Tensors on disk, by Hugging Face's names; read one at a time into memory of the caller. */
export interface TensorSource extends AsyncDisposable {
  /** Names the file or folder in errors. */
  readonly where: string;
  readonly tensors: ReadonlyMap<string, StoredTensorInfo>;
  /**
   * Reads one tensor as float32: widened or dequantised piece by piece, so nothing but `out` has its size.
   *
   * @param out - as many elements as the shape, overwritten.
   * @throws {UsageError} for a name that is not in `tensors`, or a file that cannot be read.
   */
  read(name: string, out: Float32Array): Promise<void>;
}

/** Product of the extents. */
export function elementCount(shape: readonly number[]): number {
  return shape.reduce((product, extent) => product * extent, 1);
}
