import { UsageError } from '@parl-mt/schema';

/** Bytes per element of the types that are read; half precision is widened to float32. */
export const safetensorsTypes = { F32: 4, F16: 2, BF16: 2 } as const;
export type SafetensorsType = keyof typeof safetensorsTypes;

export interface SafetensorsEntry {
  readonly type: SafetensorsType;
  readonly shape: readonly number[];
  /** First byte in the file, and the byte after the last. */
  readonly begin: number;
  readonly end: number;
}

export interface SafetensorsHeader {
  readonly entries: ReadonlyMap<string, SafetensorsEntry>;
  readonly metadata: Readonly<Record<string, string>>;
}

/** Headers above this size are refused, as the reference implementation does. */
export const MAX_HEADER_BYTES = 100_000_000;
/** Longest name of a tensor, in UTF-16 units. */
const MAX_NAME_LENGTH = 4096;
const MAX_RANK = 8;

/** Length of the header, from the file's first eight bytes. */
export function safetensorsHeaderBytes(first8: Uint8Array, fileBytes: number, where: string): number {
  if (fileBytes < 8 || first8.length < 8) refuse(where, `${fileBytes} bytes are too few for a header`);
  const headerBytes = Number(new DataView(first8.buffer, first8.byteOffset, 8).getBigUint64(0, true));
  if (headerBytes > MAX_HEADER_BYTES || 8 + headerBytes > fileBytes) {
    refuse(where, `header of ${headerBytes} bytes in a file of ${fileBytes}`);
  }
  return headerBytes;
}

/**
 * The header of a safetensors file, which is not trusted: every length and offset is checked before it is used. Tensors must
 * cover the data without gap or overlap.
 *
 * @param header - the bytes after the first eight.
 * @throws {UsageError} when it is malformed, or holds a type other than F32, F16, BF16.
 * @see https://github.com/huggingface/safetensors, section "Format"
 */
export function parseSafetensorsHeader(header: Uint8Array, fileBytes: number, where: string): SafetensorsHeader {
  const dataStart = 8 + header.length;
  const dataBytes = fileBytes - dataStart;
  const entries = new Map<string, SafetensorsEntry>();
  let metadata: Readonly<Record<string, string>> = {};
  for (const [name, value] of Object.entries(parseJson(header, where))) {
    if (name === '__metadata__') {
      metadata = parseMetadata(value, where);
      continue;
    }
    if (name.length === 0 || name.length > MAX_NAME_LENGTH) {
      refuse(where, `a tensor's name has ${name.length} characters`);
    }
    const { type, shape, start, end } = parseEntry(name, value, dataBytes, where);
    entries.set(name, { type, shape, begin: dataStart + start, end: dataStart + end });
  }
  expectCovered([...entries.values()], dataStart, fileBytes, where);
  return { entries, metadata };
}

function refuse(where: string, reason: string): never {
  throw new UsageError(`expected a safetensors file at ${where}: ${reason}`);
}

function parseJson(text: Uint8Array, where: string): Readonly<Record<string, unknown>> {
  try {
    const header: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(text));
    if (typeof header === 'object' && header !== null && !Array.isArray(header)) {
      return header as Record<string, unknown>;
    }
  } catch {
    // Reported below, the same as a header that is no object.
  }
  return refuse(where, 'the header is no JSON object');
}

function parseMetadata(entry: unknown, where: string): Readonly<Record<string, string>> {
  const isMap = typeof entry === 'object' && entry !== null && !Array.isArray(entry);
  if (!isMap || Object.values(entry).some((value) => typeof value !== 'string')) {
    return refuse(where, '__metadata__ is no map of strings');
  }
  return entry as Record<string, string>;
}

function parseEntry(
  name: string,
  entry: unknown,
  dataBytes: number,
  where: string,
): { type: SafetensorsType; shape: number[]; start: number; end: number } {
  const { dtype, shape, data_offsets: offsets } = (entry ?? {}) as Record<string, unknown>;
  const isExtent = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;
  if (typeof dtype !== 'string' || !Object.hasOwn(safetensorsTypes, dtype)) {
    return refuse(where, `${name} has dtype ${String(dtype).slice(0, 40)}, not F32, F16 or BF16`);
  }
  if (!Array.isArray(shape) || shape.length > MAX_RANK || !shape.every(isExtent)) {
    return refuse(where, `${name} has no valid shape`);
  }
  if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(isExtent)) {
    return refuse(where, `${name} has no valid data_offsets`);
  }
  const [start, end] = offsets as [number, number];
  if (start > end || end > dataBytes) return refuse(where, `${name} lies at bytes ${start} to ${end} of ${dataBytes}`);
  const size = shape.reduce((a: number, b: number) => a * b, 1) * safetensorsTypes[dtype as SafetensorsType];
  if (size !== end - start) {
    return refuse(where, `${name} of shape [${shape.join(', ')}] takes ${size} bytes, not ${end - start}`);
  }
  return { type: dtype as SafetensorsType, shape, start, end };
}

function expectCovered(
  entries: readonly SafetensorsEntry[],
  dataStart: number,
  fileBytes: number,
  where: string,
): void {
  let covered = dataStart;
  for (const { begin, end } of [...entries].sort((a, b) => a.begin - b.begin || a.end - b.end)) {
    if (begin !== covered) {
      refuse(where, `tensors overlap or leave a gap at byte ${Math.min(begin, covered) - dataStart} of the data`);
    }
    covered = end;
  }
  if (covered !== fileBytes) refuse(where, `${fileBytes - covered} bytes of data belong to no tensor`);
}
