import type { ConformanceReport } from './run-conformance.js';
import type { SuiteReport } from './suite.js';
import type { CheckReport } from './tally.js';

/** The report as a table for people: per file and per tag, with the first differences. */
export function formatConformance(report: ConformanceReport): string {
  const absent = report.absent.map((name) => `${name}: no folder, not run`);
  const verdict = report.isPassing ? 'conforming' : 'NOT conforming';
  return [...report.suites.map(formatSuite), ...absent, verdict].join('\n\n');
}

function formatSuite({ suite, checks, unknownFiles }: SuiteReport): string {
  return [
    row(suite, 'records', 'checked', 'matched', 'rate', 'needed', ''),
    ...checks.flatMap(formatCheck),
    ...unknownFiles.map((file) => row(file, '', '', '', '', '', 'FAIL: unknown prefix, not run')),
  ].join('\n');
}

function formatCheck(check: CheckReport): string[] {
  const { name, records, unit, checked, matched, required, isPassing } = check;
  const unitNote = unit === 'records' ? '' : ` (${unit})`;
  const status = isPassing ? 'pass' : 'FAIL';
  const numbers = [`${records}`, `${checked}`, `${matched}`, percent(matched, checked), percent(required, 1), status];
  return [
    row(name + unitNote, ...numbers),
    ...check.also.map((count) => row(`    ${count.what}`, '', `${count.checked}`, `${count.matched}`, '', '', '')),
    ...check.tags.map((tag) =>
      row(`    ${tag.tag}`, '', `${tag.checked}`, `${tag.matched}`, percent(tag.matched, tag.checked), '', ''),
    ),
    ...check.differences.map((text) => `      difference: ${text}`),
  ];
}

function percent(part: number, whole: number): string {
  return whole === 0 ? 'none' : `${((100 * part) / whole).toFixed(2)}%`;
}

function row(...cells: readonly string[]): string {
  const [name = '', ...rest] = cells;
  return `${name.padEnd(40)}${rest.map((cell) => cell.padStart(9)).join('')}`.trimEnd();
}
