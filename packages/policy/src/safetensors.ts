import { fromBfloat16, toBfloat16, type WeightValues } from '@parl-mt/native';
import { SafetensorsFile } from './model-files/safetensors-file.js';
import { elementCount } from './model-files/tensor-source.js';
import { writeAtomically } from './write-atomically.js';

/** A float32 tensor of a safetensors file. */
export interface StoredTensor {
  readonly shape: readonly number[];
  /** Row-major. */
  readonly values: Float32Array;
}

/** A tensor to be written: values, or the bits of bfloat16 values. */
export interface WrittenTensor {
  readonly shape: readonly number[];
  /** Row-major. */
  readonly values: WeightValues;
}

/**
 * Writes tensors as safetensors, atomically.
 *
 * @param metadata - strings for the `__metadata__` entry. Default: format "pt", which transformers asks for.
 * @param dtype - bfloat16 rounds to nearest, ties to even. Default float32.
 * @see https://github.com/huggingface/safetensors, section "Format"
 */
export async function writeSafetensors(
  path: string,
  tensors: ReadonlyMap<string, WrittenTensor>,
  metadata: Readonly<Record<string, string>> = { format: 'pt' },
  dtype: 'float32' | 'bfloat16' = 'float32',
): Promise<void> {
  const isHalf = dtype === 'bfloat16';
  const header: Record<string, unknown> = { __metadata__: metadata };
  let offset = 0;
  for (const [name, { shape, values }] of tensors) {
    const end = offset + values.length * (isHalf ? 2 : 4);
    header[name] = { dtype: isHalf ? 'BF16' : 'F32', shape, data_offsets: [offset, end] };
    offset = end;
  }
  // Spaces up to a multiple of 8, so that the data is aligned.
  const json = JSON.stringify(header);
  const text = Buffer.from(json + ' '.repeat((8 - (Buffer.byteLength(json) % 8)) % 8), 'utf8');
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  await writeAtomically(path, chunks());

  /** Converted as it is written: one tensor at a time has a copy. */
  function* chunks(): Generator<Uint8Array> {
    yield length;
    yield text;
    for (const { values } of tensors.values()) {
      const written =
        values instanceof Uint16Array === isHalf
          ? values
          : isHalf
            ? toBfloat16(values as Float32Array)
            : fromBfloat16(values as Uint16Array);
      yield new Uint8Array(written.buffer, written.byteOffset, written.byteLength);
    }
  }
}

/**
 * Reads a whole safetensors file. The header is not trusted: every length and offset is checked before it is used.
 *
 * @throws {UsageError} when the file cannot be read, is malformed, or holds a type other than F32, F16, BF16.
 */
export async function readSafetensors(
  path: string,
): Promise<{ tensors: Map<string, StoredTensor>; metadata: Readonly<Record<string, string>> }> {
  await using file = await SafetensorsFile.open(path);
  const tensors = new Map<string, StoredTensor>();
  for (const [name, { shape }] of file.tensors) {
    const values = new Float32Array(elementCount(shape));
    await file.read(name, values);
    tensors.set(name, { shape, values });
  }
  return { tensors, metadata: file.metadata };
}
