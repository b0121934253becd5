import { readFile } from 'node:fs/promises';
import { UsageError } from '@parl-mt/schema';
import { writeAtomically } from './write-atomically.js';

/** A float32 tensor of a safetensors file. */
export interface StoredTensor {
  readonly shape: readonly number[];
  /** Row-major. */
  readonly values: Float32Array;
}

/** Headers above this size are refused, as the reference implementation does. */
const MAX_HEADER_BYTES = 100_000_000;

/** Bytes per element of the types that are read; half precision is widened to float32. */
const ELEMENT_BYTES = { F32: 4, F16: 2, BF16: 2 } as const;
type ElementType = keyof typeof ELEMENT_BYTES;

/**
 * Writes tensors as safetensors, type F32, atomically.
 *
 * @param metadata - strings for the `__metadata__` entry. Default: format "pt", which transformers asks for.
 * @see https://github.com/huggingface/safetensors, section "Format"
 */
export async function writeSafetensors(
  path: string,
  tensors: ReadonlyMap<string, StoredTensor>,
  metadata: Readonly<Record<string, string>> = { format: 'pt' },
): Promise<void> {
  const header: Record<string, unknown> = { __metadata__: metadata };
  const chunks: Uint8Array[] = [];
  let offset = 0;
  for (const [name, { shape, values }] of tensors) {
    header[name] = { dtype: 'F32', shape, data_offsets: [offset, offset + values.byteLength] };
    chunks.push(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
    offset += values.byteLength;
  }
  // Spaces up to a multiple of 8, so that the data is aligned.
  const json = JSON.stringify(header);
  const text = Buffer.from(json + ' '.repeat((8 - (Buffer.byteLength(json) % 8)) % 8), 'utf8');
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  await writeAtomically(path, [length, text, ...chunks]);
}

/**
 * Reads a safetensors file. The header is not trusted: every length and offset is checked before it is used.
 *
 * @throws {UsageError} when the file cannot be read, is malformed, or holds a type other than F32, F16, BF16.
 */
export async function readSafetensors(
  path: string,
): Promise<{ tensors: Map<string, StoredTensor>; metadata: Readonly<Record<string, string>> }> {
  let bytes: Buffer;
  try {
    bytes = await readFile(path);
  } catch (error) {
    throw new UsageError(`expected a readable safetensors file at ${path}: ${(error as Error).message}`, {
      cause: error,
    });
  }
  return parseSafetensors(bytes, path);
}

/** The content of a safetensors file; `where` names it in errors. */
export function parseSafetensors(
  bytes: Uint8Array,
  where: string,
): { tensors: Map<string, StoredTensor>; metadata: Readonly<Record<string, string>> } {
  const fail = (reason: string): never => {
    throw new UsageError(`expected a safetensors file at ${where}: ${reason}`);
  };
  if (bytes.length < 8) fail(`${bytes.length} bytes are too few for a header`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const headerBytes = Number(view.getBigUint64(0, true));
  if (headerBytes > MAX_HEADER_BYTES || 8 + headerBytes > bytes.length) {
    fail(`header of ${headerBytes} bytes in a file of ${bytes.length}`);
  }
  const header = parseHeader(bytes.subarray(8, 8 + headerBytes), fail);
  const data = bytes.subarray(8 + headerBytes);
  const tensors = new Map<string, StoredTensor>();
  let metadata: Readonly<Record<string, string>> = {};
  const ranges: [number, number][] = [];
  for (const [name, entry] of Object.entries(header)) {
    if (name === '__metadata__') {
      metadata = parseMetadata(entry, fail);
      continue;
    }
    const { dtype, shape, start, end } = parseEntry(name, entry, data.length, fail);
    ranges.push([start, end]);
    tensors.set(name, { shape, values: readValues(data.subarray(start, end), dtype) });
  }
  ranges.sort((a, b) => a[0] - b[0] || a[1] - b[1]);
  let covered = 0;
  for (const [start, end] of ranges) {
    if (start !== covered) fail(`tensors overlap or leave a gap at byte ${Math.min(start, covered)} of the data`);
    covered = end;
  }
  if (covered !== data.length) fail(`${data.length - covered} bytes of data belong to no tensor`);
  return { tensors, metadata };
}

function parseHeader(text: Uint8Array, fail: (reason: string) => never): Readonly<Record<string, unknown>> {
  try {
    const header: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(text));
    if (typeof header === 'object' && header !== null && !Array.isArray(header))
      return header as Record<string, unknown>;
  } catch {
    // Reported below, the same as a header that is no object.
  }
  return fail('the header is no JSON object');
}

function parseMetadata(entry: unknown, fail: (reason: string) => never): Readonly<Record<string, string>> {
  const isMap = typeof entry === 'object' && entry !== null && !Array.isArray(entry);
  if (!isMap || Object.values(entry).some((value) => typeof value !== 'string')) {
    return fail('__metadata__ is no map of strings');
  }
  return entry as Record<string, string>;
}

function parseEntry(
  name: string,
  entry: unknown,
  dataBytes: number,
  fail: (reason: string) => never,
): { dtype: ElementType; shape: number[]; start: number; end: number } {
  const { dtype, shape, data_offsets: offsets } = (entry ?? {}) as Record<string, unknown>;
  const isExtent = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;
  if (!Object.hasOwn(ELEMENT_BYTES, String(dtype)))
    return fail(`${name} has dtype ${String(dtype)}, not F32, F16 or BF16`);
  if (!Array.isArray(shape) || !shape.every(isExtent)) return fail(`${name} has no valid shape`);
  if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(isExtent)) {
    return fail(`${name} has no valid data_offsets`);
  }
  const [start, end] = offsets as [number, number];
  if (start > end || end > dataBytes) return fail(`${name} lies at bytes ${start} to ${end} of ${dataBytes}`);
  const size = shape.reduce((a: number, b: number) => a * b, 1) * ELEMENT_BYTES[dtype as ElementType];
  if (size !== end - start)
    return fail(`${name} of shape [${shape.join(', ')}] takes ${size} bytes, not ${end - start}`);
  return { dtype: dtype as ElementType, shape, start, end };
}

function readValues(bytes: Uint8Array, dtype: ElementType): Float32Array {
  if (dtype === 'F32') {
    const values = new Float32Array(bytes.length / 4);
    new Uint8Array(values.buffer).set(bytes);
    return values;
  }
  const halves = new Uint16Array(bytes.length / 2);
  new Uint8Array(halves.buffer).set(bytes);
  if (dtype === 'BF16') return new Float32Array(Uint32Array.from(halves, (bits) => bits << 16).buffer);
  return Float32Array.from(halves, widenHalf);
}

/** IEEE binary16 to number. */
function widenHalf(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 0x1f) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}
