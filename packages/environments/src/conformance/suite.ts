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
   * @throws {ConfigError} for records that do not have the shape of their kind.
   */
  run(directory: string): SuiteReport | Promise<SuiteReport>;
}

/**
 * The kind whose prefix a file name has, undefined for none. Longer prefixes are tried first, so "user_sim" is not "user".
 *
 * @param prefixes - kinds of traces; a file `{kind}_….jsonl` or `{kind}.json` is of that kind.
 */
export function kindOfFile<K extends string>(file: string, prefixes: readonly K[]): K | undefined {
  const stem = file.replace(/\.jsonl?$/, '');
  return prefixes
    .toSorted((a, b) => b.length - a.length)
    .find((prefix) => stem === prefix || stem.startsWith(`${prefix}_`));
}
