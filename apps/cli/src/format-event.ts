import type { ProgressMetrics } from '@parl-mt/schema';

/** Numbers with at most four significant digits, integers whole: `loss 0.4312, updates 12`. */
export function formatMetrics(metrics: ProgressMetrics): string {
  return Object.entries(metrics)
    .map(([name, value]) => `${name} ${formatValue(value)}`)
    .join(', ');
}

export function formatValue(value: unknown): string {
  if (typeof value !== 'number') {
    return typeof value === 'string' ? value : JSON.stringify(value);
  }
  return Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(4)));
}

/** The summary of a finished run, one figure per line, names aligned. */
export function formatSummary(summary: Readonly<Record<string, unknown>>): string {
  const width = Math.max(0, ...Object.keys(summary).map((name) => name.length));
  return Object.entries(summary)
    .map(([name, value]) => `  ${name.padEnd(width)}  ${formatValue(value)}`)
    .join('\n');
}
