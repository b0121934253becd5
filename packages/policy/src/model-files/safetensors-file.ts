import { type BlockTypeName, blockFormats, dequantize } from '@parl-mt/native';
import { UsageError } from '@parl-mt/schema';
import { openFile, type ReadableFile } from './file-bytes.js';
import { parseSafetensorsHeader, type SafetensorsHeader, safetensorsHeaderBytes } from './safetensors-header.js';
import { elementCount, type StoredTensorInfo, type TensorSource } from './tensor-source.js';

/** One safetensors file, open: the header is in memory, tensors are read one at a time. */
export class SafetensorsFile implements TensorSource {
  readonly where: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly tensors: ReadonlyMap<string, StoredTensorInfo>;
  readonly #file: ReadableFile;
  readonly #entries: SafetensorsHeader['entries'];

  private constructor(file: ReadableFile, { entries, metadata }: SafetensorsHeader) {
    this.#file = file;
    this.#entries = entries;
    this.where = file.path;
    this.metadata = metadata;
    this.tensors = entries;
  }

  /** @throws {UsageError} when the file cannot be read, or its header is malformed. */
  static async open(path: string): Promise<SafetensorsFile> {
    const file = await openFile(path, 'safetensors file');
    try {
      const first8 = new Uint8Array(Math.min(8, file.size));
      await file.fill(first8, 0);
      const header = new Uint8Array(safetensorsHeaderBytes(first8, file.size, path));
      await file.fill(header, 8);
      return new SafetensorsFile(file, parseSafetensorsHeader(header, file.size, path));
    } catch (error) {
      await file[Symbol.asyncDispose]();
      throw error;
    }
  }

  async read(name: string, out: Float32Array): Promise<void> {
    const entry = this.#entries.get(name);
    if (entry === undefined) throw new UsageError(`expected a tensor of ${this.where}, received ${name}`);
    if (out.length !== elementCount(entry.shape)) {
      throw new UsageError(`expected room for [${entry.shape.join(', ')}] of ${name}, received ${out.length} elements`);
    }
    await readBlocks(this.#file, entry.begin, entry.type, out);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file[Symbol.asyncDispose]();
  }
}

/** Bytes of one piece of a tensor that is converted: small enough for the second cache, large enough for few calls. */
const PIECE_BYTES = 1 << 20;

/** Fills `out` with the values that blocks of a type from a byte position on stand for. */
export async function readBlocks(
  file: ReadableFile,
  position: number,
  type: BlockTypeName,
  out: Float32Array,
): Promise<void> {
  if (type === 'F32') {
    // Little-endian, as every platform of Node is that has the addon.
    await file.fill(new Uint8Array(out.buffer, out.byteOffset, out.byteLength), position);
    return;
  }
  const { elements, bytes } = blockFormats[type];
  const blocks = out.length / elements;
  const pieceBlocks = Math.max(1, Math.floor(PIECE_BYTES / bytes));
  const piece = new Uint8Array(Math.min(blocks, pieceBlocks) * bytes);
  for (let block = 0; block < blocks; block += pieceBlocks) {
    const count = Math.min(pieceBlocks, blocks - block);
    const part = piece.subarray(0, count * bytes);
    await file.fill(part, position + block * bytes);
    dequantize(type, part, out.subarray(block * elements, (block + count) * elements));
  }
}
