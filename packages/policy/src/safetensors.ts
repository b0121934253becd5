import { SafetensorsFile } from './model-files/safetensors-file.js';
import { elementCount } from './model-files/tensor-source.js';
import { writeAtomically } from './write-atomically.js';

/** A float32 tensor of a safetensors file. */
export interface StoredTensor {
  readonly shape: readonly number[];
  /** Row-major. */
  readonly values: Float32Array;
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
  tensors: ReadonlyMap<string, StoredTensor>,
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
      yield isHalf ? bfloat16Bytes(values) : new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
    }
  }
}

/** Nearest bfloat16, ties to even; a NaN stays one. */
function bfloat16Bytes(values: Float32Array): Uint8Array {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const halves = new Uint16Array(values.length);
  for (let i = 0; i < bits.length; i += 1) {
    const wide = bits[i]!;
    const isNotANumber = (wide & 0x7fffffff) > 0x7f800000;
    halves[i] = isNotANumber ? (wide >>> 16) | 0x40 : (wide + 0x7fff + ((wide >>> 16) & 1)) >>> 16;
  }
  return new Uint8Array(halves.buffer);
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
