import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { type RunKind, UsageError } from '@parl-mt/schema';
import { parseJson } from './flag-value.js';
import { writeFileAtomic } from './write-file-atomic.js';

/** `run.json` of a run's folder: what ran there, and how it ended. */
export interface RunRecord {
  readonly kind: RunKind;
  /** Every default filled in. */
  readonly config: Readonly<Record<string, unknown>>;
  readonly status: 'running' | 'finished' | 'failed' | 'cancelled';
  readonly startedAt: string;
  readonly endedAt?: string;
  /** Figures of a finished run. */
  readonly summary?: Readonly<Record<string, unknown>>;
  readonly error?: { readonly code: string; readonly message: string };
}

/**
 * Makes the folder of a run, or opens it again for the same run to resume.
 *
 * @throws {UsageError} when the folder holds another run: mixing two runs' checkpoints would ruin both.
 */
export function openRunFolder(outDir: string, kind: RunKind, config: RunRecord['config']): void {
  mkdirSync(outDir, { recursive: true });
  const path = join(outDir, 'run.json');
  if (!existsSync(path)) {
    return;
  }
  const found = parseJson(readFileSync(path, 'utf8'), path) as Partial<RunRecord> | null;
  const difference =
    found?.kind === kind ? differingKey(found.config, config, []) : `kind ${String(found?.kind)}, not ${kind}`;
  if (difference !== undefined) {
    throw new UsageError(`--out ${outDir}: the folder holds another run (${difference}); name an empty one`);
  }
}

export function writeRunRecord(outDir: string, record: RunRecord): void {
  writeFileAtomic(join(outDir, 'run.json'), `${JSON.stringify(record, null, 2)}\n`);
}

/** Dotted path of the first key whose values differ, with the found value; undefined where nothing differs. */
function differingKey(found: unknown, wanted: unknown, path: readonly string[]): string | undefined {
  if (isDeepStrictEqual(found, wanted)) {
    return undefined;
  }
  const isSection = (value: unknown): value is Record<string, unknown> =>
    typeof value === 'object' && value !== null && !Array.isArray(value);
  if (isSection(found) && isSection(wanted)) {
    for (const key of new Set([...Object.keys(found), ...Object.keys(wanted)])) {
      const difference = differingKey(found[key], wanted[key], [...path, key]);
      if (difference !== undefined) {
        return difference;
      }
    }
  }
  return `${path.join('.') || 'configuration'} was ${JSON.stringify(found) ?? 'not set'}`;
}
