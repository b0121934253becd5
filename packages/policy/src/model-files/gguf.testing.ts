/** Writes small GGUF files for tests, from the format's description: little-endian, strings with 64-bit lengths. */
export interface GgufParts {
  readonly version?: number;
  readonly magic?: string;
  /** Key, value type, and the value's bytes. */
  readonly metadata?: readonly (readonly [string, number, Uint8Array])[];
  readonly tensors?: readonly {
    readonly name: string;
    /** Row-major. */
    readonly shape: readonly number[];
    readonly type: number;
    readonly offset: number;
  }[];
  readonly data?: Uint8Array;
  readonly alignment?: number;
}

export function ggufBytes(parts: GgufParts): Uint8Array {
  const { version = 3, magic = 'GGUF', metadata = [], tensors = [], data = new Uint8Array(0), alignment = 32 } = parts;
  const chunks: Uint8Array[] = [
    new TextEncoder().encode(magic),
    uint32(version),
    uint64(tensors.length),
    uint64(metadata.length),
  ];
  for (const [key, type, value] of metadata) chunks.push(text(key), uint32(type), value);
  for (const { name, shape, type, offset } of tensors) {
    const extents = [...shape].reverse().map(uint64);
    chunks.push(text(name), uint32(shape.length), ...extents, uint32(type), uint64(offset));
  }
  const header = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
  if (data.length > 0) chunks.push(new Uint8Array((alignment - (header % alignment)) % alignment), data);
  return Uint8Array.from(chunks.flatMap((chunk) => [...chunk]));
}

export function uint32(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value, true);
  return bytes;
}

export function uint64(value: number | bigint): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(value), true);
  return bytes;
}

export function text(value: string): Uint8Array {
  const bytes = new TextEncoder().encode(value);
  return Uint8Array.from([...uint64(bytes.length), ...bytes]);
}
