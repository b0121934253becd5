import { type BlockTypeName, blockFormats } from '@parl-mt/native';
import { UsageError } from '@parl-mt/schema';

/** A number array of the metadata, in the smallest typed array that holds its type; 64-bit integers as plain numbers. */
export type GgufNumbers =
  | Uint8Array
  | Int8Array
  | Uint16Array
  | Int16Array
  | Uint32Array
  | Int32Array
  | Float32Array
  | Float64Array;

/** A metadata value. 64-bit integers are numbers; those beyond 2^53 are refused. */
export type GgufValue = number | boolean | string | GgufNumbers | readonly GgufValue[];

export interface GgufTensor {
  /** Row-major: the reverse of the order in the file. */
  readonly shape: readonly number[];
  readonly type: BlockTypeName;
  /** First byte in the file, and the byte after the last. */
  readonly begin: number;
  readonly end: number;
}

export interface GgufHeader {
  readonly version: number;
  readonly metadata: ReadonlyMap<string, GgufValue>;
  readonly tensors: ReadonlyMap<string, GgufTensor>;
}

/** The bytes at hand end inside the header, and the file goes on. */
export class HeaderTruncated extends Error {}

const MAX_KEY_BYTES = 65535;
const MAX_NAME_BYTES = 1024;
const MAX_RANK = 4;
/** Arrays within arrays; files in use have one level. */
const MAX_NESTING = 4;
const MAX_ALIGNMENT = 2 ** 20;

/**
 * The header of a GGUF file of version 2 or 3, little-endian. Nothing in it is trusted: every count is checked against the
 * bytes that are left before anything is allocated, and tensors must lie in the file, aligned, without overlap.
 *
 * @param bytes - the file's beginning.
 * @param fileBytes - size of the whole file.
 * @throws {HeaderTruncated} when `bytes` ends inside the header and the file is longer.
 * @throws {UsageError} when the header is malformed, or has a tensor type that is not read here.
 * @see https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
 */
export function parseGgufHeader(bytes: Uint8Array, fileBytes: number, where: string): GgufHeader {
  const reader = new HeaderReader(bytes, fileBytes, where);
  if (fileBytes < 24) reader.refuse(`${fileBytes} bytes are too few for a header`);
  if (reader.uint32() !== 0x46554747) reader.refuse('it does not begin with GGUF');
  const version = reader.uint32();
  if (version !== 2 && version !== 3) {
    const isSwapped = (version & 0xffff) === 0 && version !== 0;
    reader.refuse(isSwapped ? 'it is big-endian' : `version ${version} is not 2 or 3`);
  }
  const tensorCount = reader.count(MIN_TENSOR_BYTES, 'tensors');
  const metadataCount = reader.count(MIN_ENTRY_BYTES, 'metadata entries');
  const metadata = new Map<string, GgufValue>();
  for (let i = 0; i < metadataCount; i += 1) {
    const key = reader.text(MAX_KEY_BYTES, 'a metadata key');
    if (metadata.has(key)) reader.refuse(`metadata key ${key} occurs twice`);
    metadata.set(key, reader.value(reader.uint32(), 0, key));
  }
  const alignment = metadata.get('general.alignment') ?? 32;
  if (typeof alignment !== 'number' || !isPowerOfTwo(alignment) || alignment < 8 || alignment > MAX_ALIGNMENT) {
    return reader.refuse(`general.alignment ${String(alignment)} is no power of two in 8..${MAX_ALIGNMENT}`);
  }
  const infos = Array.from({ length: tensorCount }, () => reader.tensorInfo());
  const dataStart = Math.ceil(reader.position / alignment) * alignment;
  return { version, metadata, tensors: placeTensors(infos, dataStart, alignment, fileBytes, reader) };
}

/** Bytes of the shortest possible entry: an empty name, a type, and a value. */
const MIN_ENTRY_BYTES = 8 + 4 + 1;
const MIN_TENSOR_BYTES = 8 + 4 + 4 + 8;

interface TensorInfo {
  readonly name: string;
  readonly shape: readonly number[];
  readonly type: BlockTypeName;
  readonly offset: number;
}

const typeNames = new Map<number, BlockTypeName>(
  Object.entries(blockFormats).map(([name, { type }]) => [type, name as BlockTypeName]),
);

function placeTensors(
  infos: readonly TensorInfo[],
  dataStart: number,
  alignment: number,
  fileBytes: number,
  reader: HeaderReader,
): Map<string, GgufTensor> {
  const tensors = new Map<string, GgufTensor>();
  for (const { name, shape, type, offset } of infos) {
    if (tensors.has(name)) reader.refuse(`tensor ${name} occurs twice`);
    const { elements, bytes } = blockFormats[type];
    const columns = shape.at(-1)!;
    if (columns % elements !== 0) {
      reader.refuse(`${name} has rows of ${columns} elements, no whole number of ${type} blocks of ${elements}`);
    }
    const size = shape.reduce((a, b) => a * b, 1);
    const begin = dataStart + offset;
    const end = begin + (size / elements) * bytes;
    if (offset % alignment !== 0) reader.refuse(`${name} lies at byte ${offset}, which is not aligned to ${alignment}`);
    if (!Number.isSafeInteger(end) || end > fileBytes) {
      reader.refuse(`${name} ends at byte ${end} of a file of ${fileBytes}`);
    }
    tensors.set(name, { shape, type, begin, end });
  }
  let [last, before] = [0, 'the header'];
  for (const [name, { begin, end }] of [...tensors].sort((a, b) => a[1].begin - b[1].begin || a[1].end - b[1].end)) {
    if (begin < last) reader.refuse(`${name} overlaps ${before}`);
    [last, before] = [end, name];
  }
  return tensors;
}

function isPowerOfTwo(value: number): boolean {
  return Number.isInteger(value) && value > 0 && Number.isInteger(Math.log2(value));
}

/** Bytes of the fixed-size value types, by their numbers in the file; 8 is a string, 9 an array. */
const valueBytes = new Map([
  [0, 1],
  [1, 1],
  [2, 2],
  [3, 2],
  [4, 4],
  [5, 4],
  [6, 4],
  [7, 1],
  [10, 8],
  [11, 8],
  [12, 8],
]);
const STRING = 8;
const ARRAY = 9;

class HeaderReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #fileBytes: number;
  readonly #where: string;
  readonly #decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  position = 0;

  constructor(bytes: Uint8Array, fileBytes: number, where: string) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#fileBytes = fileBytes;
    this.#where = where;
  }

  refuse(reason: string): never {
    throw new UsageError(`expected a GGUF file at ${this.#where}: ${reason}`);
  }

  uint32(): number {
    return this.#view.getUint32(this.#take(4), true);
  }

  /** A 64-bit unsigned integer below 2^53. */
  uint64(what: string): number {
    return this.#safe(this.#view.getBigUint64(this.#take(8), true), what);
  }

  /** A count of things of at least `bytesEach` bytes, which the rest of the file must be able to hold. */
  count(bytesEach: number, what: string): number {
    const count = this.uint64(what);
    if (count * bytesEach > this.#fileBytes - this.position) {
      this.refuse(`${count} ${what} do not fit into the ${this.#fileBytes - this.position} bytes that are left`);
    }
    return count;
  }

  text(maxBytes: number, what: string): string {
    const length = this.count(1, `bytes of ${what}`);
    if (length > maxBytes) this.refuse(`${what} has ${length} bytes, more than ${maxBytes}`);
    const start = this.#take(length);
    return this.#decoder.decode(this.#bytes.subarray(start, start + length));
  }

  value(type: number, nesting: number, key: string): GgufValue {
    if (type === STRING) return this.text(Number.MAX_SAFE_INTEGER, key);
    if (type === ARRAY) return this.#array(nesting, key);
    if (!valueBytes.has(type)) return this.refuse(`${key} has value type ${type}`);
    return this.#scalar(type, key);
  }

  tensorInfo(): TensorInfo {
    const name = this.text(MAX_NAME_BYTES, "a tensor's name");
    const rank = this.uint32();
    if (name === '' || rank < 1 || rank > MAX_RANK) this.refuse(`tensor "${name}" has ${rank} dimensions`);
    // The file lists the fastest-running extent first.
    const shape = Array.from({ length: rank }, () => this.uint64(`an extent of ${name}`)).reverse();
    const size = shape.reduce((a, b) => a * b, 1);
    if (size === 0 || !Number.isSafeInteger(size)) this.refuse(`${name} has shape [${shape.join(', ')}]`);
    const number = this.uint32();
    const type = typeNames.get(number);
    if (type === undefined) {
      return this.refuse(
        `${name} has tensor type ${number}; types that are read: ${[...typeNames.values()].join(', ')}`,
      );
    }
    return { name, shape, type, offset: this.uint64(`the offset of ${name}`) };
  }

  #array(nesting: number, key: string): GgufValue {
    if (nesting === MAX_NESTING) this.refuse(`${key} nests arrays more than ${MAX_NESTING} deep`);
    const type = this.uint32();
    const bytesEach = type === STRING ? 8 : type === ARRAY ? 12 : valueBytes.get(type);
    if (bytesEach === undefined) return this.refuse(`${key} is an array of value type ${type}`);
    const count = this.count(bytesEach, `elements of ${key}`);
    if (type === STRING || type === ARRAY || type === 7) {
      return Array.from({ length: count }, () => this.value(type, nesting + 1, key));
    }
    const start = this.#take(count * bytesEach);
    if (type >= 10 && type !== 12) {
      return Float64Array.from({ length: count }, (_, i) => this.#wide(type, start + 8 * i, key));
    }
    const raw = this.#bytes.slice(start, start + count * bytesEach).buffer;
    switch (type) {
      case 0:
        return new Uint8Array(raw);
      case 1:
        return new Int8Array(raw);
      case 2:
        return new Uint16Array(raw);
      case 3:
        return new Int16Array(raw);
      case 4:
        return new Uint32Array(raw);
      case 5:
        return new Int32Array(raw);
      case 6:
        return new Float32Array(raw);
      default:
        return new Float64Array(raw);
    }
  }

  #scalar(type: number, key: string): number | boolean {
    const at = this.#take(valueBytes.get(type)!);
    const view = this.#view;
    switch (type) {
      case 0:
        return view.getUint8(at);
      case 1:
        return view.getInt8(at);
      case 2:
        return view.getUint16(at, true);
      case 3:
        return view.getInt16(at, true);
      case 4:
        return view.getUint32(at, true);
      case 5:
        return view.getInt32(at, true);
      case 6:
        return view.getFloat32(at, true);
      case 7:
        return view.getUint8(at) !== 0;
      case 12:
        return view.getFloat64(at, true);
      default:
        return this.#wide(type, at, key);
    }
  }

  #wide(type: number, at: number, key: string): number {
    return this.#safe(type === 10 ? this.#view.getBigUint64(at, true) : this.#view.getBigInt64(at, true), key);
  }

  #safe(value: bigint, what: string): number {
    if (value > BigInt(Number.MAX_SAFE_INTEGER) || value < BigInt(Number.MIN_SAFE_INTEGER)) {
      this.refuse(`${what} is ${value}, beyond 2^53`);
    }
    return Number(value);
  }

  /** Moves on by `length` bytes and gives where they start. */
  #take(length: number): number {
    const start = this.position;
    const end = start + length;
    if (end > this.#fileBytes) this.refuse(`the header does not end within ${this.#fileBytes} bytes`);
    if (end > this.#bytes.length) throw new HeaderTruncated();
    this.position = end;
    return start;
  }
}
