import type { MemoryPlan } from '@parl-mt/rl';
import type { RunPlan } from './jobs/plans.js';

/** A plan as a table for people. */
export function formatPlan({ facts, memory }: RunPlan, free: number): string {
  const width = Math.max(...Object.keys(facts).map((name) => name.length));
  const lines = Object.entries(facts).map(([name, value]) => {
    const text = typeof value === 'number' ? value.toLocaleString('en-US') : value;
    return `${name.padEnd(width)}  ${text.padStart(14)}`;
  });
  const verdict = memory.total <= free ? 'it fits' : 'it does NOT fit';
  return `${lines.join('\n')}\n\n${formatMemory(memory, free)}\n${verdict}\n`;
}

/** Memory by what it is for, its sum, and what is free. */
export function formatMemory({ parts, total }: MemoryPlan, free: number): string {
  const rows = [...parts, { name: 'total', bytes: total }, { name: 'free', bytes: free }];
  const width = Math.max(...rows.map(({ name }) => name.length));
  const mebibytes = (bytes: number) =>
    (bytes / 2 ** 20).toLocaleString('en-US', { maximumFractionDigits: 1, minimumFractionDigits: 1 });
  return [
    'memory, MiB',
    ...rows.map(({ name, bytes }) => `  ${name.padEnd(width)}  ${mebibytes(bytes).padStart(12)}`),
  ].join('\n');
}
