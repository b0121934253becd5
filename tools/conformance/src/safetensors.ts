/** A tensor of a safetensors file as numbers. */
export interface StoredTensor {
  readonly values: Float32Array;
  readonly shape: readonly number[];
}

/**
 * The float32, int32 and uint8 tensors of a safetensors file: an 8-byte length, a JSON header, the data.
 *
 * @throws {RangeError} for a dtype other than F32, I32 and U8, or a header that points outside the file.
 */
export function readTensors(file: Buffer): ReadonlyMap<string, StoredTensor> {
  const start = 8 + Number(file.readBigUInt64LE(0));
  const header = JSON.parse(file.subarray(8, start).toString('utf8')) as Record<
    string,
    { dtype: string; shape: number[]; data_offsets: [number, number] }
  >;
  const tensors = new Map<string, StoredTensor>();
  for (const [name, entry] of Object.entries(header)) {
    if (name === '__metadata__') continue;
    const [begin, end] = entry.data_offsets;
    if (start + end > file.length) throw new RangeError(`expected ${name} to lie in the file, its end is ${end}`);
    const bytes = Uint8Array.from(file.subarray(start + begin, start + end));
    const shape = entry.shape;
    if (entry.dtype === 'F32') tensors.set(name, { values: new Float32Array(bytes.buffer), shape });
    else if (entry.dtype === 'I32')
      tensors.set(name, { values: Float32Array.from(new Int32Array(bytes.buffer)), shape });
    else if (entry.dtype === 'U8') tensors.set(name, { values: Float32Array.from(bytes), shape });
    else throw new RangeError(`expected F32, I32 or U8 for ${name}, received ${entry.dtype}`);
  }
  return tensors;
}
