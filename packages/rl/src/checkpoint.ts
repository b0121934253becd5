import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, readdirSync, readFileSync, renameSync, rmSync, writeSync } from 'node:fs';
import path from 'node:path';
import { UsageError } from '@parl-mt/schema';

/** Writes a file whole or not at all: temporary file, fsync, rename. */
export function writeFileAtomically(file: string, content: string): void {
  const temporary = `${file}.tmp`;
  const descriptor = openSync(temporary, 'w');
  try {
    writeSync(descriptor, content);
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
  renameSync(temporary, file);
}

/**
 * Writes a folder whole or not at all: `write` fills a temporary sibling, which then takes the name. A folder of that
 * name from an earlier attempt is replaced.
 */
export function writeFolderAtomically(folder: string, write: (temporary: string) => void): void {
  const temporary = `${folder}.tmp`;
  rmSync(temporary, { recursive: true, force: true });
  mkdirSync(temporary, { recursive: true });
  write(temporary);
  rmSync(folder, { recursive: true, force: true });
  renameSync(temporary, folder);
}

/** Name of a checkpoint folder: sorts by update. */
export function checkpointName(update: number): string {
  return `update-${String(update).padStart(6, '0')}`;
}

/** The newest complete checkpoint below `folder`, or undefined. */
export function latestCheckpoint(folder: string): string | undefined {
  if (!existsSync(folder)) return undefined;
  const names = readdirSync(folder)
    .filter((name) => /^update-\d{6,}$/.test(name) && existsSync(path.join(folder, name, 'trainer.json')))
    .sort();
  const last = names.at(-1);
  return last === undefined ? undefined : path.join(folder, last);
}

/**
 * Reads a checkpoint's trainer state.
 * @throws {UsageError} when the file is missing or is not JSON.
 */
export function readTrainerState(checkpoint: string): unknown {
  const file = path.join(checkpoint, 'trainer.json');
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch (cause) {
    throw new UsageError(`expected a checkpoint with a readable ${file}: ${(cause as Error).message}`, { cause });
  }
}
