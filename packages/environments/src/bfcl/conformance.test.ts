import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { UsageError } from '@parl-mt/schema';
import { expect, test } from 'vitest';
import { formatConformance, runConformance } from './conformance.js';
import { loadBfclTasks } from './load-tasks.js';

const shared = process.env.PARL_MT_SHARED ?? fileURLToPath(new URL('../../../../../shared', import.meta.url));
const data = `${shared}/bfcl`;
const isPresent = existsSync(`${data}/traces`);
if (!isPresent) console.warn(`skipped: conformance needs the benchmark's data and traces, none at ${data}`);

test.skipIf(!isPresent)('recorded runs of the reference are reproduced', () => {
  const report = runConformance(data);
  expect(report.isPassing, formatConformance(report)).toBe(true);
  expect(report.traces.map(({ kind }) => kind).sort()).toEqual(['checker', 'decode', 'errors', 'multi_turn']);
  expect(report.traces.every(({ checked }) => checked > 30)).toBe(true);
});

test.skipIf(!isPresent)('tasks are loaded with their tools, turns and number spelling', () => {
  const tasks = loadBfclTasks(data, 'base');
  expect(tasks).toHaveLength(200);
  const [first] = tasks;
  expect(first).toMatchObject({
    id: 'multi_turn_base_0',
    environment: 'bfcl',
    category: 'base',
    involvedClasses: ['TwitterAPI', 'GorillaFileSystem'],
  });
  expect(first?.turns[0]?.groundTruth[0]).toBe("cd(folder='document')");
  expect(first?.turns[0]?.messages[0]?.role).toBe('user');
  // 14 functions of TwitterAPI and 18 of GorillaFileSystem, in the order of involvedClasses.
  expect(first?.tools).toHaveLength(32);
  expect(first?.tools[0]?.description).toMatch(/ Note that the provided function is in Python 3 syntax\.$/);
  expect(first?.tools.every(({ parameters }) => parameters.type === 'object')).toBe(true);
  // Balances such as 5000.0 keep their ".0" only as text.
  expect(tasks.some(({ initialConfig }) => /: \d+\.0[,}]/.test(initialConfig))).toBe(true);
});

test('a missing folder, and unknown classes, are the caller’s errors', () => {
  expect(() => runConformance('/nonexistent')).toThrow(UsageError);
  expect(() => runConformance('/nonexistent', { classes: ['NoSuchAPI'] })).toThrow(/received NoSuchAPI/);
  expect(() => loadBfclTasks('/nonexistent', 'base')).toThrow(/expected a file at/);
});
