import type { FixtureCase, Fixtures } from './fixture.js';
import type { Verdict } from './verdict.js';

/** What one fixture file is compared by. */
export interface FixtureFile {
  readonly file: string;
  judge(each: FixtureCase, fixtures: Fixtures): Verdict | Promise<Verdict>;
  /** The cases of the file, where they are not simply its lines. */
  cases?(fixtures: Fixtures): readonly FixtureCase[];
}

export interface Mismatch {
  readonly name: string;
  readonly what: string;
  readonly error: number;
  readonly ratio: number;
}

export interface FileReport {
  readonly file: string;
  readonly cases: number;
  readonly matched: number;
  /** Faults of the source: not copied; our own answer was checked. */
  readonly faults: readonly { readonly name: string; readonly ours: string }[];
  readonly leftOut: readonly { readonly name: string; readonly reason: string }[];
  readonly mismatches: readonly Mismatch[];
  /** Largest error / tolerance over the matched cases, and where. */
  readonly worst: Mismatch | undefined;
  /** The file is not in the data folder. */
  readonly isMissing: boolean;
}

export interface ConformanceReport {
  readonly files: readonly FileReport[];
  readonly isPassing: boolean;
}

/** @param keep - chooses cases, for a quick slice. */
export async function runConformance(
  fixtures: Fixtures,
  files: readonly FixtureFile[],
  keep: (each: FixtureCase, index: number) => boolean = () => true,
): Promise<ConformanceReport> {
  const reports: FileReport[] = [];
  for (const file of files) reports.push(await judgeFile(fixtures, file, keep));
  const isPassing =
    reports.every(({ mismatches }) => mismatches.length === 0) && reports.some(({ matched }) => matched > 0);
  return { files: reports, isPassing };
}

async function judgeFile(
  fixtures: Fixtures,
  file: FixtureFile,
  keep: (each: FixtureCase, index: number) => boolean,
): Promise<FileReport> {
  const report = {
    file: file.file,
    cases: 0,
    matched: 0,
    faults: [] as { name: string; ours: string }[],
    leftOut: [] as { name: string; reason: string }[],
    mismatches: [] as Mismatch[],
    worst: undefined as Mismatch | undefined,
    isMissing: !fixtures.has(file.file),
  };
  if (report.isMissing) return report;
  const cases = file.cases === undefined ? fixtures.cases(file.file) : file.cases(fixtures);
  for (const each of cases.filter(keep)) {
    report.cases += 1;
    const verdict = await judged(file, each, fixtures);
    if (verdict.kind === 'left out') {
      report.leftOut.push({ name: each.name, reason: verdict.reason });
      continue;
    }
    const off = verdict.comparisons.filter(({ ratio }) => !(ratio <= 1));
    report.mismatches.push(...off.map((comparison) => ({ name: each.name, ...comparison })));
    if (verdict.kind === 'fault') report.faults.push({ name: each.name, ours: verdict.ours });
    else if (off.length === 0) report.matched += 1;
    for (const comparison of off.length > 0 ? [] : verdict.comparisons) {
      if (comparison.ratio > (report.worst?.ratio ?? -1)) report.worst = { name: each.name, ...comparison };
    }
  }
  return report;
}

/** An exception is a mismatch of its case: it must not end the others. */
async function judged(file: FixtureFile, each: FixtureCase, fixtures: Fixtures): Promise<Verdict> {
  try {
    return await file.judge(each, fixtures);
  } catch (error) {
    const what = `threw ${error instanceof Error ? error.message.split('\n')[0] : String(error)}`;
    return { kind: 'compared', comparisons: [{ what, error: Infinity, ratio: Infinity }] };
  }
}
