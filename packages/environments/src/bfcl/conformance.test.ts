import { existsSync, mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { UsageError } from '@parl-mt/schema';
import { expect, test } from 'vitest';
import { formatConformance } from '../conformance/format-conformance.js';
import { runConformance } from '../conformance/run-conformance.js';
import { bfclSuite, runBfclConformance } from './conformance.js';
import { loadBfclTasks } from './load-tasks.js';

const shared = process.env.PARL_MT_SHARED ?? fileURLToPath(new URL('../../../../../shared', import.meta.url));
const data = `${shared}/bfcl`;
const isPresent = existsSync(`${data}/traces`);
if (!isPresent) console.warn(`skipped: conformance needs the benchmark's data and traces, none at ${data}`);

test.skipIf(!isPresent)('recorded runs of the reference are reproduced', async () => {
  const report = await runConformance(shared, [bfclSuite]);
  expect(report.isPassing, formatConformance(report)).toBe(true);
  const traces = report.suites[0]?.checks.filter(({ kind }) => kind !== 'replay') ?? [];
  expect(traces.map(({ kind }) => kind).sort()).toEqual(['checker', 'decode', 'errors', 'multi_turn']);
  expect(traces.every(({ checked }) => checked > 30)).toBe(true);
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

test('a missing folder is the caller’s error', async () => {
  await expect(runConformance('/nonexistent')).rejects.toThrow(UsageError);
  expect(() => runBfclConformance('/nonexistent')).toThrow(UsageError);
  expect(() => loadBfclTasks('/nonexistent', 'base')).toThrow(/expected a file at/);
});

/** A folder with these trace files and no tasks. */
function folderWithTraces(files: { readonly [name: string]: string }): string {
  const directory = mkdtempSync(join(tmpdir(), 'conformance-'));
  mkdirSync(join(directory, 'bfcl', 'traces'), { recursive: true });
  for (const [name, text] of Object.entries(files)) writeFileSync(join(directory, 'bfcl', 'traces', name), text);
  return directory;
}

const GOOD = '{"id": "a", "mode": "prompting", "output": "[ls()]", "decoded": ["ls()"], "ends_turn": false}\n';
const BAD = '{"id": "b", "mode": "prompting", "output": "[ls()]", "decoded": ["pwd()"], "ends_turn": false}\n';
const NO_TASK = '{"id": "no_such_task", "turns": []}\n';

test('a difference, a record without its task and a file of unknown kind each fail the report and are named', async () => {
  const good = await runConformance(folderWithTraces({ 'decode_x.jsonl': GOOD }), [bfclSuite]);
  expect(good.isPassing).toBe(true);
  const bad = await runConformance(folderWithTraces({ 'decode_x.jsonl': GOOD + BAD }), [bfclSuite]);
  expect(bad.isPassing).toBe(false);
  expect(bad.suites[0]?.checks[0]).toMatchObject({ records: 2, checked: 2, matched: 1, isPassing: false });
  expect(formatConformance(bad)).toContain('b: expected ["pwd()"], received ["ls()"]');
  const orphan = await runConformance(folderWithTraces({ 'multi_turn_x.jsonl': NO_TASK }), [bfclSuite]);
  expect(orphan.isPassing).toBe(false);
  expect(formatConformance(orphan)).toContain('expected task no_such_task in the data folder');
  const unknown = await runConformance(folderWithTraces({ 'decode_x.jsonl': GOOD, 'mystery_x.jsonl': '' }), [
    bfclSuite,
  ]);
  expect(unknown.isPassing).toBe(false);
  expect(formatConformance(unknown)).toContain('traces/mystery_x.jsonl');
});
