import { constants } from 'node:fs';
import { type FileHandle, open, readdir, realpath, stat } from 'node:fs/promises';
import { extname, join, relative, sep } from 'node:path';
import { ApiError } from './api-error.js';

export interface RunFile {
  /** Relative to the run's folder, with slashes. */
  readonly path: string;
  readonly sizeBytes: number;
  readonly modifiedAt: string;
}

/** Longest listing; a run writes a few dozen files. */
const MAX_FILES = 10_000;

/** Plain files below a folder, sorted by path. Symbolic links are left out; a missing folder has no files. */
export async function listFiles(root: string): Promise<RunFile[]> {
  let entries: Awaited<ReturnType<typeof readEntries>>;
  try {
    entries = await readEntries(root);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') {
      return [];
    }
    throw error;
  }
  const files: RunFile[] = [];
  for (const entry of entries.filter((candidate) => candidate.isFile()).slice(0, MAX_FILES)) {
    const path = join(entry.parentPath, entry.name);
    // A file may be renamed between listing and stat: writers replace files atomically.
    const found = await stat(path).catch(() => undefined);
    if (found !== undefined) {
      const shown = relative(root, path).split(sep).join('/');
      files.push({ path: shown, sizeBytes: found.size, modifiedAt: found.mtime.toISOString() });
    }
  }
  return files.sort((a, b) => (a.path < b.path ? -1 : 1));
}

function readEntries(root: string) {
  return readdir(root, { recursive: true, withFileTypes: true });
}

/** An open file; whoever opens it closes it. */
export interface OpenedFile {
  readonly handle: FileHandle;
  readonly sizeBytes: number;
  readonly contentType: string;
}

/**
 * Opens a file below a folder for reading. The path is untrusted: it must stay below the folder and may not pass
 * through a symbolic link, so that a link in the folder opens nothing outside.
 *
 * @throws {ApiError} 404 for anything that is no plain file below the folder; the answer does not tell which.
 */
export async function openFile(root: string, path: string): Promise<OpenedFile> {
  const missing = new ApiError(404, 'NOT_FOUND', 'no such file');
  const segments = path.split('/');
  if (segments.some((segment) => segment === '' || segment === '.' || segment === '..' || /[\0\\]/.test(segment))) {
    throw missing;
  }
  try {
    const realRoot = await realpath(root);
    const wanted = join(realRoot, ...segments);
    if ((await realpath(wanted)) !== wanted) {
      throw missing;
    }
    // O_NONBLOCK: opening a named pipe would otherwise wait for a writer.
    const handle = await open(wanted, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    const found = await handle.stat();
    if (!found.isFile()) {
      await handle.close();
      throw missing;
    }
    return { handle, sizeBytes: found.size, contentType: contentTypeOf(path) };
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'ELOOP' || code === 'ENAMETOOLONG') {
      throw missing;
    }
    throw error;
  }
}

function contentTypeOf(path: string): string {
  switch (extname(path)) {
    case '.json':
      return 'application/json; charset=utf-8';
    case '.jsonl':
      return 'application/x-ndjson; charset=utf-8';
    case '.html':
      return 'text/html; charset=utf-8';
    case '.md':
    case '.txt':
    case '.log':
      return 'text/plain; charset=utf-8';
    default:
      return 'application/octet-stream';
  }
}
