import { existsSync, mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
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

test('a malformed record is a difference of its file, and the others are run', async () => {
  const files = {
    'decode_bad.jsonl': `${GOOD}{"id": "c", "mode": "prompt\n${GOOD}{"id": "d"}\n[]\n`,
    'decode_good.jsonl': GOOD,
  };
  const report = await runConformance(folderWithTraces(files), [bfclSuite]);
  expect(report.isPassing).toBe(false);
  expect(report.suites[0]?.checks.map(({ records, matched, isPassing }) => [records, matched, isPassing])).toEqual([
    [5, 2, false],
    [1, 1, true],
  ]);
  const text = formatConformance(report);
  expect(text).toContain('traces/decode_bad.jsonl:2: expected JSON: Unterminated string');
  expect(text).toContain('traces/decode_bad.jsonl:4: expected mode to be a string, received nothing');
  expect(text).toContain('traces/decode_bad.jsonl:5: expected an object, received a list');
});

test('one bad record fails a file of which almost all must match', async () => {
  const report = await runConformance(folderWithTraces({ 'errors_x.jsonl': `${'{"id": "x"'}\n` }), [bfclSuite]);
  expect(report.isPassing).toBe(false);
});

test('gzipped traces and NaN as Python prints it are read; notes and folders beside traces are passed over', async () => {
  const directory = folderWithTraces({ 'README.md': 'notes', '.decode_y.jsonl': 'x', 'decode_x.jsonl': GOOD });
  const traces = join(directory, 'bfcl', 'traces');
  mkdirSync(join(traces, 'old.jsonl'));
  const withNaN = GOOD.replace('{', '{"ignored": [NaN, -Infinity], ');
  writeFileSync(join(traces, 'decode_z.jsonl.gz'), gzipSync(withNaN));
  const report = await runConformance(directory, [bfclSuite]);
  expect(report.suites[0]?.checks.map(({ name, matched }) => [name, matched])).toEqual([
    ['traces/decode_x.jsonl', 1],
    ['traces/decode_z.jsonl.gz', 1],
  ]);
  expect(report.isPassing).toBe(true);
});

test('a cut-off gzip file and a suite without traces are named, and another suite is run all the same', async () => {
  const directory = folderWithTraces({ 'decode_x.jsonl': GOOD });
  mkdirSync(join(directory, 'tau-bench'));
  const report = await runConformance(directory);
  expect(report.isPassing).toBe(false);
  expect(formatConformance(report)).toMatch(/traces\/decode_x.jsonl .* pass/);
  expect(formatConformance(report)).toContain('expected a folder of traces at');
  writeFileSync(join(directory, 'bfcl', 'traces', 'decode_y.jsonl.gz'), gzipSync(GOOD).subarray(0, 20));
  await expect(runConformance(directory, [bfclSuite])).rejects.toThrow(/expected a readable trace file at .*decode_y/);
});

test('tasks without their answers fail a check of their own', async () => {
  const directory = folderWithTraces({ 'decode_x.jsonl': GOOD });
  const tasks = join(directory, 'bfcl', 'data');
  mkdirSync(join(tasks, 'possible_answer'), { recursive: true });
  writeFileSync(join(tasks, 'BFCL_v4_multi_turn_base.json'), '{"id": "multi_turn_base_0", "question": [[]]}\n');
  const report = await runConformance(directory, [bfclSuite]);
  expect(report.isPassing).toBe(false);
  expect(formatConformance(report)).toMatch(/tasks of base: expected a file at .*possible_answer/);
  expect(report.suites[0]?.checks[0]).toMatchObject({ matched: 1, isPassing: true });
});
