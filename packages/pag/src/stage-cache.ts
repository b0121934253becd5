import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { jsonLines, writeFileAtomic } from './atomic-file.js';

export interface StageOutcome<T> {
  readonly rows: readonly T[];
  /** Content hash of everything that went into the rows; input of the next stage. */
  readonly key: string;
  readonly isCached: boolean;
  readonly seconds: number;
}

/**
 * Runs a stage, or reads its rows where a run with the same inputs has finished it before.
 *
 * @param folder - holds one JSONL file per stage and key.
 * @param inputs - JSON-shaped; key of the stage before, configuration, code version.
 */
export async function runStage<T>(
  folder: string,
  name: string,
  inputs: unknown,
  produce: () => Promise<readonly T[]>,
): Promise<StageOutcome<T>> {
  const start = performance.now();
  const key = sha256(JSON.stringify([name, inputs])).slice(0, 24);
  const path = join(folder, `${name}-${key}.jsonl`);
  const cached = await readRows<T>(path);
  const rows = cached ?? (await produce());
  if (cached === undefined) {
    await writeFileAtomic(path, jsonLines(rows));
  }
  return { rows, key, isCached: cached !== undefined, seconds: (performance.now() - start) / 1000 };
}

/** Rows of a finished stage; undefined where there are none or the file is damaged. */
async function readRows<T>(path: string): Promise<readonly T[] | undefined> {
  try {
    const text = await readFile(path, 'utf8');
    return text === ''
      ? []
      : text
          .trimEnd()
          .split('\n')
          .map((line) => JSON.parse(line) as T);
  } catch (error) {
    if (error instanceof SyntaxError || (error instanceof Error && 'code' in error && error.code === 'ENOENT')) {
      return undefined;
    }
    throw error;
  }
}

/** Packages whose code decides what a dataset holds. */
const CODE_PACKAGES = ['@parl-mt/schema', '@parl-mt/chat', '@parl-mt/environments', '@parl-mt/pag'];

/** Hash of the code that builds datasets: sources or compiled files, whichever run. A changed file makes caches stale. */
export async function codeFingerprint(): Promise<string> {
  const hash = createHash('sha256');
  for (const name of CODE_PACKAGES) {
    const entry = name === '@parl-mt/pag' ? import.meta.url : import.meta.resolve(name);
    const folder = dirname(fileURLToPath(entry));
    const files = (await readdir(folder, { recursive: true })).filter(
      (file) => /\.(?:ts|js)$/.test(file) && !/\.(?:test|d)\.ts$|\.test\.js$/.test(file),
    );
    for (const file of files.sort()) {
      hash.update(`${name}/${file}\n`).update(readFileSync(join(folder, file)));
    }
  }
  return hash.digest('hex').slice(0, 16);
}

export function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
