import { UsageError } from '@parl-mt/schema';
import { openFile, type ReadableFile } from './file-bytes.js';
import { type GgufHeader, type GgufTensor, type GgufValue, HeaderTruncated, parseGgufHeader } from './gguf-header.js';
import { readBlocks } from './safetensors-file.js';
import { elementCount } from './tensor-source.js';

/** Read first; a header that is longer (a large vocabulary) is read again, four times as much each time. */
const FIRST_BYTES = 4 << 20;

/**
 * A GGUF file, open: metadata and the list of tensors are in memory, tensors are read one at a time.
 *
 * @example
 * await using file = await GgufFile.open('model.gguf');
 * console.log(file.text('general.architecture'), file.strings('tokenizer.ggml.tokens')?.length);
 */
export class GgufFile implements AsyncDisposable {
  readonly where: string;
  readonly version: number;
  /** Every key and value of the header, in the file's order. */
  readonly metadata: ReadonlyMap<string, GgufValue>;
  /** By the file's own names. */
  readonly tensors: ReadonlyMap<string, GgufTensor>;
  readonly #file: ReadableFile;

  private constructor(file: ReadableFile, { version, metadata, tensors }: GgufHeader) {
    this.#file = file;
    this.where = file.path;
    this.version = version;
    this.metadata = metadata;
    this.tensors = tensors;
  }

  /** @throws {UsageError} when the file cannot be read, or its header is malformed. */
  static async open(path: string): Promise<GgufFile> {
    const file = await openFile(path, 'GGUF file');
    try {
      for (let length = FIRST_BYTES; ; length *= 4) {
        const bytes = new Uint8Array(Math.min(length, file.size));
        await file.fill(bytes, 0);
        try {
          return new GgufFile(file, parseGgufHeader(bytes, file.size, path));
        } catch (error) {
          if (!(error instanceof HeaderTruncated)) throw error;
        }
      }
    } catch (error) {
      await file[Symbol.asyncDispose]();
      throw error;
    }
  }

  /**
   * Reads one tensor, dequantised; rows are in the file's order.
   *
   * @param out - as many elements as the shape, overwritten.
   * @throws {UsageError} for a name that is not in `tensors`.
   */
  async read(name: string, out: Float32Array): Promise<void> {
    const tensor = this.tensors.get(name);
    if (tensor === undefined) throw new UsageError(`expected a tensor of ${this.where}, received ${name}`);
    if (out.length !== elementCount(tensor.shape)) {
      throw new UsageError(
        `expected room for [${tensor.shape.join(', ')}] of ${name}, received ${out.length} elements`,
      );
    }
    await readBlocks(this.#file, tensor.begin, tensor.type, out);
  }

  /** A string of the metadata; undefined where the key is absent. */
  text(key: string): string | undefined {
    return this.#typed(key, 'a string', (value): value is string => typeof value === 'string');
  }

  /** An integer or a real number of the metadata. */
  number(key: string): number | undefined {
    return this.#typed(key, 'a number', (value): value is number => typeof value === 'number');
  }

  flag(key: string): boolean | undefined {
    return this.#typed(key, 'true or false', (value): value is boolean => typeof value === 'boolean');
  }

  /** An array of strings: `tokenizer.ggml.tokens`, `tokenizer.ggml.merges`. */
  strings(key: string): readonly string[] | undefined {
    return this.#typed(
      key,
      'an array of strings',
      (value): value is readonly string[] => Array.isArray(value) && value.every((item) => typeof item === 'string'),
    );
  }

  /** An array of numbers: `tokenizer.ggml.token_type`, `tokenizer.ggml.scores`. */
  numbers(key: string): ArrayLike<number> | undefined {
    return this.#typed(
      key,
      'an array of numbers',
      (value): value is Float32Array => ArrayBuffer.isView(value) || (Array.isArray(value) && value.length === 0),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file[Symbol.asyncDispose]();
  }

  #typed<T extends GgufValue>(key: string, wanted: string, isWanted: (value: GgufValue) => value is T): T | undefined {
    const value = this.metadata.get(key);
    if (value === undefined) return undefined;
    if (!isWanted(value)) {
      throw new UsageError(`expected ${key} of ${this.where} to be ${wanted}, received ${describe(value)}`);
    }
    return value;
  }
}

function describe(value: GgufValue): string {
  return typeof value === 'object' ? `an array of ${value.length}` : `${typeof value} ${String(value).slice(0, 40)}`;
}
