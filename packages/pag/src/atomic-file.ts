import { createHash, randomUUID } from 'node:crypto';
import { mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';

/**
 * Writes a file so that readers see the old content or the new one and nothing between, also after a power cut:
 * temporary file beside it, fsync, rename, fsync of the folder.
 *
 * @param pieces - written one after the other; nothing is added between them.
 * @returns SHA-256 of the content, in hex.
 */
export async function writeFileAtomic(path: string, pieces: Iterable<string>): Promise<string> {
  const folder = dirname(path);
  await mkdir(folder, { recursive: true });
  const temporary = `${path}.${randomUUID().slice(0, 8)}.tmp`;
  const hash = createHash('sha256');
  try {
    const file = await open(temporary, 'wx');
    try {
      for (const piece of batches(pieces)) {
        hash.update(piece);
        await file.write(piece);
      }
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  const directory = await open(folder, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
  return hash.digest('hex');
}

/** One JSON text per line. */
export function* jsonLines(values: Iterable<unknown>): Generator<string> {
  for (const value of values) {
    yield `${JSON.stringify(value)}\n`;
  }
}

const BATCH_CHARACTERS = 1 << 20;

function* batches(pieces: Iterable<string>): Generator<string> {
  let batch = '';
  for (const piece of pieces) {
    batch += piece;
    if (batch.length >= BATCH_CHARACTERS) {
      yield batch;
      batch = '';
    }
  }
  yield batch;
}
