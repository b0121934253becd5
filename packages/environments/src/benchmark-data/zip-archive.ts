import { inflateRawSync } from 'node:zlib';
import { ConfigError } from '@parl-mt/schema';

const END_OF_DIRECTORY = 0x06054b50;
const DIRECTORY_ENTRY = 0x02014b50;
const LOCAL_HEADER = 0x04034b50;
const END_SIZE = 22;
const MAX_COMMENT = 0xffff;
const STORED = 0;
const DEFLATED = 8;
/** Largest file that is unpacked: the biggest of the benchmarks has a tenth of it. */
const MAX_FILE_BYTES = 200_000_000;

interface ZipEntry {
  readonly method: number;
  readonly compressedSize: number;
  readonly size: number;
  readonly headerOffset: number;
}

/**
 * Files of a ZIP archive (PKWARE APPNOTE 6.3; wheels and GitHub's source archives), unpacked one at a time in memory. ZIP64
 * and encryption are refused.
 */
export class ZipArchive {
  readonly #bytes: Buffer;
  readonly #entries = new Map<string, ZipEntry>();

  /** @throws {ConfigError} for bytes that are no such archive. */
  constructor(bytes: Buffer) {
    this.#bytes = bytes;
    const end = findEnd(bytes);
    const count = bytes.readUInt16LE(end + 10);
    let offset = bytes.readUInt32LE(end + 16);
    if (count === 0xffff || offset === 0xffffffff) throw malformed('a ZIP64 directory');
    for (let index = 0; index < count; index++) {
      if (offset + 46 > bytes.length || bytes.readUInt32LE(offset) !== DIRECTORY_ENTRY) {
        throw malformed('a broken directory');
      }
      const nameLength = bytes.readUInt16LE(offset + 28);
      const name = bytes.toString('utf8', offset + 46, offset + 46 + nameLength);
      const isEncrypted = (bytes.readUInt16LE(offset + 8) & 1) === 1;
      if (isEncrypted) throw malformed(`an encrypted file ${name}`);
      this.#entries.set(name, {
        method: bytes.readUInt16LE(offset + 10),
        compressedSize: bytes.readUInt32LE(offset + 20),
        size: bytes.readUInt32LE(offset + 24),
        headerOffset: bytes.readUInt32LE(offset + 42),
      });
      offset += 46 + nameLength + bytes.readUInt16LE(offset + 30) + bytes.readUInt16LE(offset + 32);
    }
  }

  /** Names as the archive has them; folders end in a slash. */
  names(): string[] {
    return Array.from(this.#entries.keys());
  }

  /**
   * @returns undefined where there is no such file.
   * @throws {ConfigError} for contents that do not unpack to the stated size.
   */
  read(name: string): Buffer | undefined {
    const entry = this.#entries.get(name);
    if (entry === undefined) return undefined;
    const { headerOffset, compressedSize, size, method } = entry;
    if (size > MAX_FILE_BYTES) throw malformed(`${name} of ${size} bytes`);
    if (headerOffset + 30 > this.#bytes.length || this.#bytes.readUInt32LE(headerOffset) !== LOCAL_HEADER) {
      throw malformed(`a broken header of ${name}`);
    }
    const start =
      headerOffset + 30 + this.#bytes.readUInt16LE(headerOffset + 26) + this.#bytes.readUInt16LE(headerOffset + 28);
    const packed = this.#bytes.subarray(start, start + compressedSize);
    const content = unpack(packed, method, size, name);
    if (content.length !== size) throw malformed(`${name} of another size than stated`);
    return content;
  }
}

function unpack(packed: Buffer, method: number, size: number, name: string): Buffer {
  switch (method) {
    case STORED:
      return Buffer.from(packed);
    case DEFLATED:
      try {
        // One byte more than stated is already too much.
        return size === 0 ? Buffer.alloc(0) : inflateRawSync(packed, { maxOutputLength: size });
      } catch (error) {
        throw malformed(`${name} that does not unpack: ${(error as Error).message}`);
      }
    default:
      throw malformed(`${name} in compression method ${method}`);
  }
}

function findEnd(bytes: Buffer): number {
  for (let at = bytes.length - END_SIZE; at >= Math.max(0, bytes.length - END_SIZE - MAX_COMMENT); at--) {
    if (bytes.readUInt32LE(at) === END_OF_DIRECTORY) return at;
  }
  throw malformed('no directory');
}

function malformed(found: string): ConfigError {
  return new ConfigError(`expected a ZIP archive, found ${found}`);
}
