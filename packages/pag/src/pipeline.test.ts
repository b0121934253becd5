import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseCompletion } from '@parl-mt/chat';
import { CancelledError, ConfigError, pagConfigSchema, UsageError } from '@parl-mt/schema';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Annotator, deterministicAnnotator } from './annotate.js';
import { exampleTask } from './example-task.testing.js';
import { buildPagDataset, type PagOptions, type PagProgress } from './pipeline.js';
import { readPagRecords } from './records.js';
import type { Judge } from './verify/logprob-gain.js';
import type { CallWriter } from './verify/sampling.js';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pag-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const config = pagConfigSchema.parse({ synthesis: { tasks: 4 }, validationFraction: 0.25 });
/** Four tasks that differ in the ticket id; seven decisions each. */
const synthesize = () => [41, 52, 63, 74].map((ticketId, index) => exampleTask(`task-${index}`, ticketId));

function build(options: Partial<PagOptions> = {}, changes: Partial<typeof config> = {}) {
  return buildPagDataset({ ...config, ...changes }, { outDir: folder, synthesize, ...options });
}

function lines(path: string): Promise<string[]> {
  return readFile(join(folder, 'dataset', path), 'utf8').then((text) => text.split('\n').slice(0, -1));
}

test('the dataset holds every decision once, split by task, and the report adds up', async () => {
  const report = await build();
  // Per task the first four decisions (before the ticket id is known) are the same in all tasks: 4 + 4 * 3 are distinct.
  expect(report).toMatchObject({ tasks: 4, turns: 12, calls: 16, decisions: 28, accepted: 28, duplicates: 12 });
  expect(report.split).toEqual({ train: { tasks: 3, records: 9 }, validation: { tasks: 1, records: 7 } });
  expect(report.byTurn.map(({ decisions, accepted }) => [decisions, accepted])).toEqual([
    [12, 12],
    [8, 8],
    [8, 8],
  ]);
  const train = await readPagRecords(join(folder, 'dataset/train.jsonl'));
  const validation = await readPagRecords(join(folder, 'dataset/validation.jsonl'));
  expect([train.length, validation.length]).toEqual([9, 7]);
  const held = new Set(validation.map(({ taskId }) => taskId));
  expect(train.some(({ taskId }) => held.has(taskId))).toBe(false);
  expect(await lines('sft.jsonl')).toHaveLength(9);
  expect(await lines('sft-validation.jsonl')).toHaveLength(7);
  expect(JSON.parse(await readFile(join(folder, 'dataset/report.json'), 'utf8'))).toEqual(report);
  const card = await readFile(join(folder, 'dataset/README.md'), 'utf8');
  expect(card).toContain('28 decisions, 28 accepted (100.0%), 12 of these removed as duplicates.');
  expect(await readdir(join(folder, 'dataset'))).toHaveLength(6); // no temporary file is left
});

test('chat rows put the loss on the target alone', async () => {
  await build();
  for (const line of await lines('sft.jsonl')) {
    const { messages } = JSON.parse(line) as { messages: { role: string; loss: boolean; content: string }[] };
    expect(messages.map(({ loss }) => loss)).toEqual(messages.map((_, index) => index === messages.length - 1));
    expect(messages.at(-1)?.content).toMatch(/^<summary>.+<\/summary><think>.+<\/think>.+[^>]$|<\/tool_call>$/);
  }
});

test('without held-out tasks the card names no empty split', async () => {
  await build({}, { validationFraction: 0 });
  const card = await readFile(join(folder, 'dataset/README.md'), 'utf8');
  expect(card).toContain('path: sft.jsonl');
  expect(card).not.toContain('- split: validation');
});

test('a second run reads finished stages and writes the same bytes; another configuration does not', async () => {
  let annotations = 0;
  const annotator: Annotator = {
    ...deterministicAnnotator,
    annotate: (decision, count) => {
      annotations += 1;
      return deterministicAnnotator.annotate(decision, count);
    },
  };
  const first = await build({ annotator });
  const second = await build({ annotator });
  expect(annotations).toBe(28);
  expect(second.stages.map(({ cached }) => cached)).toEqual([true, true, true, false]);
  expect(second.files).toEqual(first.files);
  const third = await build({ annotator }, { maxSummaryCharacters: 20 });
  expect(third.stages.map(({ cached }) => cached)).toEqual([true, true, false, false]);
  await build({ annotator: { ...annotator, promptHash: 'other' } });
  expect(annotations).toBe(56);
});

test('a damaged cache is built again', async () => {
  const first = await build();
  for (const file of await readdir(join(folder, 'stages'))) {
    await writeFile(join(folder, 'stages', file), '{"cut');
  }
  const second = await build();
  expect(second.stages.every(({ cached }) => !cached)).toBe(true);
  expect(second.files).toEqual(first.files);
});

test('refused records are counted by stage, kind and turn, and not exported', async () => {
  const report = await build({}, { maxSummaryCharacters: 20 });
  // "in docs; mkdir docs; create_ticket = 41" is too long from the end of turn 2 on: three of seven decisions.
  expect(report.rejections).toEqual([
    { stage: 'format', kind: 'expected at most 20 characters in <summary>', count: 12 },
  ]);
  expect(report.byTurn[2]).toEqual({ turn: 2, decisions: 8, accepted: 0, refused: { format: 8 } });
  expect(report).toMatchObject({ decisions: 28, accepted: 16 });
});

const judge: Judge = {
  fingerprint: 'calls-with-a-ticket-id-gain-most',
  async scoreCalls(items) {
    const isResolve = (index: number) => JSON.stringify(items[index]?.target).includes('resolve_ticket');
    return {
      logprobs: Float64Array.from(items, (_, index) => (index % 2 === 1 ? -10 : isResolve(index) ? -5 : -9)),
      lengths: new Int32Array(items.length).fill(10),
    };
  },
};

test('records below the least gain are refused; gains are stored', async () => {
  const report = await build({ judge }, { minLogprobGain: 0.4 });
  // Gains: (−9 + 10) / 10 = 0.1 for three calls of a task, (−5 + 10) / 10 = 0.5 for the fourth. Messages are not scored.
  expect(report.rejections).toEqual([{ stage: 'logprob_gain', kind: 'gain below the threshold', count: 12 }]);
  expect(report.accepted).toBe(16);
  expect(report.meanLogprobGain).toBeCloseTo((3 * 0.1 + 0.5) / 4, 12);
  const records = await readPagRecords(join(folder, 'dataset/validation.jsonl'));
  expect(records.map(({ verification }) => verification.logprobGain)).toEqual([null, null, 0.5, null]);
});

test('a cancelled run rejects with its reason and can be resumed', async () => {
  const controller = new AbortController();
  const onProgress = ({ stage, done }: PagProgress) => {
    if (stage === 'annotate' && done === 2) controller.abort(new CancelledError('stopped by the test'));
  };
  await expect(build({ signal: controller.signal, onProgress })).rejects.toThrow('stopped by the test');
  const report = await build();
  expect(report.stages[0]).toMatchObject({ name: 'synthesise', cached: true });
  expect(report.accepted).toBe(28);
});

test('progress ends at the total of each stage that ran', async () => {
  const stages = new Set<string>();
  const onProgress = ({ stage, done, total }: PagProgress) => {
    expect(done).toBeLessThanOrEqual(total);
    stages.add(stage);
  };
  await build({ onProgress });
  expect([...stages]).toEqual(['synthesise', 'annotate', 'verify', 'export']);
});

test('reading records names file, line and what was expected', async () => {
  const path = join(folder, 'records.jsonl');
  await expect(readPagRecords(path)).rejects.toThrow(UsageError);
  await writeFile(path, '\n{"taskId": 1}\n');
  await expect(readPagRecords(path)).rejects.toThrow(
    /records\.jsonl:2: expected a PAG record: taskId: .*expected string/,
  );
  await writeFile(path, 'not json\n');
  await expect(readPagRecords(path)).rejects.toThrow(ConfigError);
});

test('records that samples do not reconstruct are refused, and both judges are compared', async () => {
  const writer: CallWriter = {
    fingerprint: 'writes-mkdir',
    writeCalls: async (requests) =>
      requests.map(() => parseCompletion("<tool_call>mkdir(dir_name='docs')</tool_call><|end|>", { awareness: false })),
  };
  const sampling = { ...config.sampling, samples: 3 };
  const report = await build({ judge, writer }, { minLogprobGain: 0.4, sampling });
  // Of the four calls of a task the gain accepts the last, sampling the first. Chance agrees on 1/16 + 9/16, they on 8 of 16.
  expect(report.agreement).toEqual({
    records: 16,
    bothAccept: 0,
    onlyGain: 4,
    onlySampling: 4,
    bothRefuse: 8,
    kappa: expect.closeTo(-1 / 3, 12),
  });
  expect(report.meanReconstructionRate).toBe(0.25);
  expect(report.rejections.map(({ stage, count }) => [stage, count])).toEqual([
    ['logprob_gain', 12],
    ['sampling', 4],
  ]);
  expect(report.byTurn.map(({ refused }) => refused)).toEqual([
    { logprob_gain: 8 },
    { logprob_gain: 4 },
    { sampling: 4 },
  ]);
  expect(report.stages.map(({ name }) => name)).toEqual([
    'synthesise',
    'annotate',
    'verify',
    'judge',
    'sample',
    'export',
  ]);
  const card = await readFile(join(folder, 'dataset/README.md'), 'utf8');
  expect(card).toContain('Mean match rate of 3 samples 0.250.');
  expect(card).toContain('| log-prob gain accepts | 0 (0.0%) | 4 (25.0%) |');
  expect(card).toContain("They agree on 50.0%; Cohen's kappa -0.33.");
  await expect(build({ judge }, { sampling })).rejects.toThrow(
    'expected a policy to write the 3 samples of pag.sampling, received none',
  );
});

test('without a judge of the gain sampling refuses alone, and nothing is compared', async () => {
  const writer: CallWriter = {
    fingerprint: 'silent',
    writeCalls: async (requests) => requests.map(() => ({ calls: [], callTexts: [] })),
  };
  const report = await build({ writer }, { sampling: { ...config.sampling, samples: 1 } });
  expect(report).toMatchObject({ agreement: null, meanReconstructionRate: 0, meanLogprobGain: null, accepted: 12 });
});
