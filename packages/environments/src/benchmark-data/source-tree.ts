import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { UsageError } from '@parl-mt/schema';
import { ZipArchive } from './zip-archive.js';

/** Files to take benchmark data from: a folder, or an archive in memory. Paths are relative, with forward slashes. */
export interface SourceTree {
  /** What it is, for messages. */
  readonly name: string;
  has(path: string): boolean;
  /** @throws {UsageError} where there is no such file. */
  read(path: string): Buffer;
  /** Names of the files directly in a folder; none where there is no such folder. */
  list(folder: string): string[];
}

/** @throws {UsageError} for a path that is neither a folder nor a ZIP archive. */
export function openSourceTree(path: string): SourceTree {
  if (!existsSync(path)) throw new UsageError(`--from: expected a folder, or a .zip or .whl file; nothing at ${path}`);
  return statSync(path).isDirectory() ? folderTree(path) : zipTree(readFileSync(path), path);
}

function folderTree(root: string): SourceTree {
  return {
    name: root,
    has: (path) => existsSync(join(root, path)),
    read: (path) => {
      if (existsSync(join(root, path))) return readFileSync(join(root, path));
      throw missing(root, path);
    },
    list: (folder) => {
      const full = join(root, folder);
      if (!existsSync(full)) return [];
      return readdirSync(full, { withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map(({ name }) => name)
        .sort();
    },
  };
}

/** An archive; where all its files are in one folder, as in GitHub's source archives, paths start below it. */
export function zipTree(bytes: Buffer, name: string): SourceTree {
  const archive = new ZipArchive(bytes);
  const names = archive.names().filter((path) => !path.endsWith('/'));
  const first = names[0]?.slice(0, names[0].indexOf('/') + 1) ?? '';
  const root = names.every((path) => path.startsWith(first)) ? first : '';
  const paths = new Set(names.map((path) => path.slice(root.length)));
  return {
    name,
    has: (path) => paths.has(path),
    read: (path) => {
      const content = archive.read(root + path);
      if (content === undefined) throw missing(name, path);
      return content;
    },
    list: (folder) =>
      Array.from(paths)
        .filter((path) => path.startsWith(`${folder}/`) && !path.slice(folder.length + 1).includes('/'))
        .map((path) => path.slice(folder.length + 1))
        .sort(),
  };
}

function missing(name: string, path: string): UsageError {
  return new UsageError(`expected ${path} in ${name}, there is none`);
}
