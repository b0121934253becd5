import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { ParlError, UsageError } from '@parl-mt/schema';
import { type ConformanceSuite, describeFailure, type SuiteReport } from './suite.js';
import { conformanceSuites } from './suites.js';
import { Tally } from './tally.js';

export interface ConformanceReport {
  readonly suites: readonly SuiteReport[];
  /** Suites without a folder in the data directory: not run. */
  readonly absent: readonly string[];
  readonly isPassing: boolean;
}

/**
 * Compares this implementation with recorded runs of the reference implementations.
 *
 * @param dataDirectory - holds one folder per benchmark, named after its suite.
 * @throws {UsageError} when no suite has a folder there; and, where one suite only is there, what keeps it from starting.
 */
export async function runConformance(
  dataDirectory: string,
  suites: readonly ConformanceSuite[] = conformanceSuites,
): Promise<ConformanceReport> {
  const present = suites.filter(({ name }) => existsSync(join(dataDirectory, name)));
  if (present.length === 0) {
    const names = suites.map(({ name }) => `${name}/`).join(' or ');
    throw new UsageError(`expected ${names} in the data folder ${dataDirectory}, received none; pass --data DIR`);
  }
  const reports: SuiteReport[] = [];
  for (const suite of present) reports.push(await runSuite(suite, join(dataDirectory, suite.name), present.length > 1));
  return {
    suites: reports,
    absent: suites.filter((suite) => !present.includes(suite)).map(({ name }) => name),
    isPassing: reports.every(isSuitePassing),
  };
}

/** Runs a suite; what stops it does not stop the others. */
async function runSuite(suite: ConformanceSuite, directory: string, hasOthers: boolean): Promise<SuiteReport> {
  try {
    return await suite.run(directory);
  } catch (error) {
    if (!hasOthers || !(error instanceof ParlError)) throw error;
    const tally = new Tally();
    tally.countUnreadable(() => describeFailure(suite.name, error));
    return { suite: suite.name, checks: [tally.report(suite.name, 'suite', 'records', 1)], unknownFiles: [] };
  }
}

function isSuitePassing({ checks, unknownFiles }: SuiteReport): boolean {
  return unknownFiles.length === 0 && checks.length > 0 && checks.every(({ isPassing }) => isPassing);
}
