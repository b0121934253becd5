import type { ConformanceReport, FileReport } from './report.js';

const SHOWN_MISMATCHES = 20;

/** The report as text: a table by file, then what was left out, the faults of the sources, and what does not match. */
export function conformanceTable({ files, isPassing }: ConformanceReport): string {
  const rows = [
    ['file', 'cases', 'matched', 'faults', 'left out', 'off', 'worst error', 'of tolerance', 'in'],
    ...files.map(row),
  ];
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((cells) => cells[column]!.length)));
  const lines = rows.map((cells) =>
    cells
      .map((cell, column) => cell.padEnd(widths[column]!))
      .join('  ')
      .trimEnd(),
  );
  return [
    ...lines,
    ...section('Left out', files, ({ leftOut }) => grouped(leftOut.map(({ name, reason }) => [reason, name]))),
    ...section('Faults of the source, and our answer', files, ({ faults }) =>
      grouped(faults.map(({ name, ours }) => [ours, name])),
    ),
    ...section('Off', files, ({ mismatches }) =>
      mismatches
        .slice(0, SHOWN_MISMATCHES)
        .map(
          ({ name, what, error, ratio }) => `${name}: ${what}, error ${short(error)}, ${short(ratio)} of the tolerance`,
        )
        .concat(mismatches.length > SHOWN_MISMATCHES ? [`and ${mismatches.length - SHOWN_MISMATCHES} more`] : []),
    ),
    '',
    isPassing ? 'conforming' : 'not conforming',
  ].join('\n');
}

function row({ file, cases, matched, faults, leftOut, mismatches, worst, isMissing }: FileReport): string[] {
  if (isMissing) return [file, '-', '', '', '', '', '', '', 'not in the data folder'];
  const off = new Set(mismatches.map(({ name }) => name)).size;
  const numbers = [cases, matched, faults.length, leftOut.length, off].map(String);
  return worst === undefined
    ? [file, ...numbers, '', '', '']
    : [file, ...numbers, short(worst.error), short(worst.ratio), `${worst.name} (${worst.what})`];
}

function section(
  title: string,
  files: readonly FileReport[],
  lines: (file: FileReport) => readonly string[],
): string[] {
  const parts = files.flatMap((file) => {
    const found = lines(file);
    return found.length === 0 ? [] : [`  ${file.file}`, ...found.map((line) => `    ${line}`)];
  });
  return parts.length === 0 ? [] : ['', `${title}:`, ...parts];
}

/** "reason: name, name" for each reason, every name listed. */
function grouped(pairs: readonly (readonly [string, string])[]): string[] {
  const names = new Map<string, string[]>();
  for (const [reason, name] of pairs) names.set(reason, [...(names.get(reason) ?? []), name]);
  return [...names].map(([reason, list]) => `${reason} (${list.length}): ${list.join(', ')}`);
}

function short(value: number): string {
  return value === 0 ? '0' : value.toPrecision(2);
}
