import type { MethodSummary } from './method-summary.js';

const columns: readonly { readonly title: string; readonly cell: (method: MethodSummary) => string }[] = [
  { title: 'method', cell: ({ name }) => name },
  {
    title: 'task success [95%]',
    cell: ({ success }) => `${percent(success.mean)} [${percent(success.low)}, ${percent(success.high)}]`,
  },
  { title: 'calls/task', cell: ({ callsPerTask }) => callsPerTask.toFixed(2) },
  { title: 'redundancy', cell: ({ redundancyRate }) => percent(redundancyRate) },
  { title: 'tokens/task', cell: ({ tokensPerTask }) => tokensPerTask.toFixed(0) },
  { title: 'trained tokens', cell: ({ trainedTokens }) => trainedTokens.toLocaleString('en-US') },
  { title: 'seconds', cell: ({ seconds }) => seconds.toFixed(0) },
];

/** Methods side by side as a text table: first column left-aligned, numbers right-aligned. */
export function comparisonTable(methods: readonly MethodSummary[]): string {
  const rows = [columns.map(({ title }) => title), ...methods.map((method) => columns.map(({ cell }) => cell(method)))];
  const widths = columns.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  const lines = rows.map((row) =>
    row
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!)))
      .join('  '),
  );
  lines.splice(1, 0, widths.map((width) => '-'.repeat(width)).join('  '));
  return lines.join('\n');
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)}%`;
}
