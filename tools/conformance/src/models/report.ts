import { Ledger, type LedgerRow, type LeftOut } from './ledger.js';
import type { ModelFixtures } from './model-fixtures.js';
import type { ModelSection, SectionOptions } from './section.js';

export interface ModelReport {
  readonly rows: readonly LedgerRow[];
  readonly leftOut: readonly LeftOut[];
  /** Fixture files that no section of this run used. */
  readonly unused: readonly string[];
  readonly isPassing: boolean;
}

/** Files of the folder that describe it and hold no numbers. */
const DESCRIPTIONS = ['README.md', 'manifest.json'];

/** Runs the sections one after another. */
export async function runModelConformance(
  fixtures: ModelFixtures,
  sections: readonly ModelSection[],
  options: SectionOptions,
): Promise<ModelReport> {
  const ledger = new Ledger();
  for (const section of sections) {
    await ledger.attempt(`(${section.name})`, 'section', () => section.run(fixtures, ledger, options));
  }
  const { rows, leftOut, used } = ledger;
  return {
    rows,
    leftOut,
    unused: fixtures.files().filter((file) => !used.has(file) && !DESCRIPTIONS.includes(file)),
    isPassing: rows.length > 0 && rows.every(({ ratio }) => ratio <= 1),
  };
}

/** The report as text: a table, then what was left out, what no section used, and what does not match. */
export function modelTable({ rows, leftOut, unused, isPassing }: ModelReport): string {
  const cells = [
    ['file', 'what', 'count', 'worst error', 'tolerance', 'of tolerance', ''],
    ...rows.map((row) => [
      row.file,
      row.what,
      String(row.count),
      short(row.error),
      row.tolerance,
      short(row.ratio),
      row.ratio <= 1 ? '' : 'OFF',
    ]),
  ];
  const widths = cells[0]!.map((_, column) => Math.max(...cells.map((row) => row[column]!.length)));
  const lines = cells.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column]!))
      .join('  ')
      .trimEnd(),
  );
  const off = rows.filter(({ ratio }) => !(ratio <= 1));
  return [
    ...lines,
    ...titled(
      'Left out',
      leftOut.map(({ file, what, count, reason }) => `${file}: ${count} ${what}, ${reason}`),
    ),
    ...titled('Used by no section of this run', unused),
    ...titled(
      'Off',
      off.flatMap(({ file, details }) => details.map((detail) => `${file}: ${detail}`)),
    ),
    '',
    isPassing ? 'conforming' : 'not conforming',
  ].join('\n');
}

function titled(title: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : ['', `${title}:`, ...lines.map((line) => `  ${line}`)];
}

function short(value: number): string {
  return Number.isInteger(value) ? String(value) : value.toPrecision(2);
}
