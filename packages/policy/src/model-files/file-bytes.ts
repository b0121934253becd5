import { type FileHandle, open } from 'node:fs/promises';
import { UsageError } from '@parl-mt/schema';

/** A file open for reading, with its size. */
export interface ReadableFile extends AsyncDisposable {
  readonly path: string;
  readonly size: number;
  /**
   * Fills `into` from a byte position.
   * @throws {UsageError} when the file ends before, or cannot be read.
   */
  fill(into: Uint8Array, position: number): Promise<void>;
}

/** @throws {UsageError} when there is no such file, or it is none. */
export async function openFile(path: string, kind: string): Promise<ReadableFile> {
  let handle: FileHandle;
  let size: number;
  try {
    handle = await open(path, 'r');
  } catch (error) {
    throw unreadable(path, kind, error);
  }
  try {
    const stat = await handle.stat();
    if (!stat.isFile()) throw new Error('it is no file');
    size = stat.size;
  } catch (error) {
    await handle.close();
    throw unreadable(path, kind, error);
  }
  return {
    path,
    size,
    async fill(into, position) {
      for (let done = 0; done < into.length; ) {
        const { bytesRead } = await handle
          .read(into, done, Math.min(into.length - done, MAX_READ_BYTES), position + done)
          .catch((error: unknown) => {
            throw unreadable(path, kind, error);
          });
        if (bytesRead === 0) throw unreadable(path, kind, new Error(`it ends at byte ${position + done}`));
        done += bytesRead;
      }
    },
    async [Symbol.asyncDispose]() {
      await handle.close();
    },
  };
}

/** One read call moves less than 2 GiB. */
const MAX_READ_BYTES = 2 ** 30;

function unreadable(path: string, kind: string, error: unknown): UsageError {
  return new UsageError(`expected a readable ${kind} at ${path}: ${(error as Error).message}`, { cause: error });
}
