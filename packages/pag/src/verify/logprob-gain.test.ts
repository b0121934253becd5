import { segmentsToText } from '@parl-mt/chat';
import { type PagRecord, RolloutError } from '@parl-mt/schema';
import { expect, test } from 'vitest';
import { type Judge, judgeItems, logprobGains } from './logprob-gain.js';

const record: PagRecord = {
  taskId: 't',
  turn: 1,
  step: 0,
  contextMessages: [
    { role: 'assistant', content: 'Done.' },
    { role: 'user', content: 'list it' },
  ],
  historyMessages: [{ role: 'system', content: 'ls()' }],
  awareness: { summary: 'in:docs', plan: 'ls' },
  targetCalls: ['ls()'],
  verification: { format: true, grounded: true, noHindsight: true, logprobGain: null, reconstructionRate: null },
  provenance: { generator: 'g', promptHash: 'h', seed: 1 },
  split: 'train',
};

function judge(logprob: (index: number) => number, length = 4): Judge {
  return {
    fingerprint: 'fake',
    async scoreCalls(items) {
      return {
        logprobs: Float64Array.from(items, (_, index) => logprob(index)),
        lengths: new Int32Array(items.length).fill(length),
      };
    },
  };
}

test('the two prompts differ by the awareness only and hold no history', () => {
  const [withAwareness, without] = judgeItems(record);
  expect(without.messages).toEqual(withAwareness.messages);
  expect(segmentsToText(without.messages.flatMap(({ segments }) => segments))).toBe(
    '<|system|>ls()<|end|><|user|>list it<|end|>',
  );
  expect(segmentsToText(withAwareness.written)).toBe('<summary>in:docs</summary><think>ls</think>');
  expect(without.written).toEqual([]);
  for (const { target } of [withAwareness, without]) {
    expect(segmentsToText(target)).toBe('<tool_call>ls()</tool_call>');
  }
});

test('the gain is the difference of log-probs per token; final messages have none', async () => {
  // (-2 - -10) / 4 = 2 nats per token
  const gains = await logprobGains(
    [record, { ...record, targetCalls: [] }, record],
    judge((i) => (i % 2 === 0 ? -2 : -10)),
  );
  expect(gains).toEqual([2, null, 2]);
});

test('batches keep the order of records', async () => {
  const records = Array.from({ length: 150 }, () => record);
  let calls = 0;
  const counting = judge(() => 0);
  const gains = await logprobGains(records, {
    ...counting,
    async scoreCalls(items) {
      const first = calls;
      calls += items.length;
      return {
        logprobs: Float64Array.from(items, (_, index) => (index % 2 === 0 ? (first + index) / 2 : 0)),
        lengths: new Int32Array(items.length).fill(1),
      };
    },
  });
  expect(gains).toEqual(records.map((_, index) => index));
});

test('a judge that returns garbage is a RolloutError of the model', async () => {
  await expect(
    logprobGains(
      [record],
      judge(() => Number.NaN),
    ),
  ).rejects.toThrow(RolloutError);
  await expect(
    logprobGains(
      [record],
      judge(() => -1, 0),
    ),
  ).rejects.toThrow(/finite log-prob gain for task t, turn 1/);
  const short: Judge = {
    fingerprint: 'x',
    scoreCalls: async () => ({ logprobs: new Float64Array(1), lengths: new Int32Array(1) }),
  };
  await expect(logprobGains([record], short)).rejects.toThrow(/expected 2 log-probs and lengths/);
});
