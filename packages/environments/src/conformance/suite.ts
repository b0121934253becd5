import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { ConfigError, ParlError, UsageError } from '@parl-mt/schema';
import type { CheckReport } from './tally.js';

/** What one benchmark's suite found in its folder. */
export interface SuiteReport {
  readonly suite: string;
  /** One entry per trace file, and one per further check, such as a replay of a category's ground truth. */
  readonly checks: readonly CheckReport[];
  /** Trace files whose name starts with no prefix that the suite knows: they were not run, and fail the suite. */
  readonly unknownFiles: readonly string[];
}

/**
 * Comparison of one benchmark with recorded runs of its reference implementation. A new benchmark is an object of this
 * shape and a line in the list of `suites.ts`.
 */
export interface ConformanceSuite {
  /** Name of the suite, and of its folder below the data directory. */
  readonly name: string;
  /**
   * Runs every trace file in `DIR/{name}`, its kind told by the prefix of its name.
   *
   * @param directory - `DIR/{name}`; it exists.
   * @throws {UsageError} for a missing folder, {ConfigError} for a file that cannot be read. Malformed records are differences.
   */
  run(directory: string): SuiteReport | Promise<SuiteReport>;
}

/**
 * The kind whose prefix a file name has, undefined for none. Longer prefixes are tried first, so "user_sim" is not "user".
 *
 * @param prefixes - kinds of traces; files `{kind}.json`, `{kind}_….jsonl`, `{kind}-2.jsonl.gz` are of that kind: what follows
 *   is no letter.
 */
export function kindOfFile<K extends string>(file: string, prefixes: readonly K[]): K | undefined {
  const stem = file.replace(TRACE_FILE, '');
  return prefixes
    .toSorted((a, b) => b.length - a.length)
    .find((prefix) => stem === prefix || (stem.startsWith(prefix) && !/^\p{L}/u.test(stem.slice(prefix.length))));
}

/** `NAME.jsonl` or `NAME.json`, gzipped or not. */
const TRACE_FILE = /\.jsonl?(?:\.gz)?$/;

/**
 * Names of the trace files in a folder, sorted. Notes, hidden files and folders beside them are none.
 *
 * @throws {UsageError} when the folder is missing.
 */
export function traceFilesIn(folder: string): string[] {
  if (!existsSync(folder)) throw new UsageError(`expected a folder of traces at ${folder}, received none`);
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => !entry.isDirectory() && !entry.name.startsWith('.') && TRACE_FILE.test(entry.name))
    .map(({ name }) => name)
    .sort();
}

/**
 * The records of a trace file, one JSON text each, and their line numbers: the lines of a `.jsonl`, the whole of a `.json`.
 *
 * @throws {ConfigError} for a file that cannot be read, is cut off or is not UTF-8.
 */
export function readTrace(path: string): { readonly text: string; readonly line: number }[] {
  const content = readWhole(path);
  if (!/\.jsonl(?:\.gz)?$/.test(path)) return [{ text: content, line: 1 }];
  return content
    .split('\n')
    .map((text, index) => ({ text, line: index + 1 }))
    .filter(({ text }) => text.trim() !== '');
}

/** One line about a record that could not be read or run. */
export function describeFailure(where: string, error: unknown): string {
  const isExpected = error instanceof ParlError;
  const message =
    error instanceof Error ? (isExpected ? error.message : `${error.name}: ${error.message}`) : String(error);
  return message.includes(where) ? message : `${where}: ${message}`;
}

function readWhole(path: string): string {
  try {
    const bytes = readFileSync(path);
    return new TextDecoder('utf-8', { fatal: true }).decode(path.endsWith('.gz') ? gunzipSync(bytes) : bytes);
  } catch (error) {
    throw new ConfigError(`expected a readable trace file at ${path}: ${(error as Error).message}`, { cause: error });
  }
}
