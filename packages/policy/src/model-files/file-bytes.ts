import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
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
  let descriptor: number;
  try {
    descriptor = openSync(path, 'r');
  } catch (error) {
    throw unreadable(path, kind, error);
  }
  let isOpen = true;
  const close = async (): Promise<void> => {
    if (isOpen) closeSync(descriptor);
    isOpen = false;
  };
  const stat = fstatSync(descriptor);
  if (!stat.isFile()) {
    await close();
    throw unreadable(path, kind, new Error('it is no file'));
  }
  return {
    path,
    size: stat.size,
    async fill(into, position) {
      // A call of the thread pool for every piece took longer than the piece: 300 calls for SmolLM2. Others have their turn
      // between two tensors.
      for (let done = 0; done < into.length; ) {
        let bytesRead: number;
        try {
          bytesRead = readSync(descriptor, into, done, Math.min(into.length - done, MAX_READ_BYTES), position + done);
        } catch (error) {
          throw unreadable(path, kind, error);
        }
        if (bytesRead === 0) throw unreadable(path, kind, new Error(`it ends at byte ${position + done}`));
        done += bytesRead;
      }
    },
    [Symbol.asyncDispose]: close,
  };
}

/** One read call moves less than 2 GiB. */
const MAX_READ_BYTES = 2 ** 30;

function unreadable(path: string, kind: string, error: unknown): UsageError {
  return new UsageError(`expected a readable ${kind} at ${path}: ${(error as Error).message}`, { cause: error });
}
