import type { ContextMessage } from '@parl-mt/chat';
import type { ConversationCodec } from '@parl-mt/policy';
import { CancelledError, contextConfigSchema, type PagRecord, pagRecordSchema, UsageError } from '@parl-mt/schema';
import { expect, test } from 'vitest';
import { encodeRecords } from './encode-records.js';

const records: PagRecord[] = Array.from({ length: 150 }, (_, i) =>
  pagRecordSchema.parse({
    taskId: `task-${i}`,
    turn: 0,
    step: 0,
    contextMessages: [],
    historyMessages: [
      { role: 'system', content: 'ls()' },
      { role: 'user', content: 'x'.repeat(i) },
    ],
    awareness: { summary: 'nothing', plan: 'ls' },
    targetCalls: ['ls()'],
    verification: { format: true, grounded: true, noHindsight: true, logprobGain: null, reconstructionRate: null },
    provenance: { generator: 'g', promptHash: 'h', seed: 1 },
    split: 'train',
  }),
);

/** A token for every character; remembers which prompts it was asked for. */
function characterCodec(): { codec: ConversationCodec; asked: Map<readonly ContextMessage[], number> } {
  const asked = new Map<readonly ContextMessage[], number>();
  const encodePrompt = (messages: readonly ContextMessage[]) => {
    asked.set(messages, (asked.get(messages) ?? 0) + 1);
    return [...JSON.stringify(messages)].map((character) => character.charCodeAt(0));
  };
  const codec: ConversationCodec = {
    stopTokens: [0],
    encodePrompt,
    countPromptTokens: (messages) => encodePrompt(messages).length,
    encodeCompletion: (completion) => completion.map(() => 7),
    readCompletion: () => {
      throw new Error('expected nothing to be read');
    },
  };
  return { codec, asked };
}

test('each prompt is encoded once, and what does not fit is counted', async () => {
  const { codec, asked } = characterCodec();
  const progress: number[] = [];
  const context = contextConfigSchema.parse({ maxContextTokens: 300, maxNewTokens: 16 });
  const { sequences, overflowed } = await encodeRecords(records, codec, context, {
    onProgress: (n) => progress.push(n),
  });
  expect(sequences.length + overflowed).toBe(records.length);
  expect(overflowed).toBeGreaterThan(0);
  expect(Math.max(...asked.values())).toBe(1);
  expect(progress).toEqual([64, 128, 150]);
});

test('a signal stops it between records', async () => {
  const { codec, asked } = characterCodec();
  const controller = new AbortController();
  const run = encodeRecords(records, codec, contextConfigSchema.parse({ maxContextTokens: 2000 }), {
    signal: controller.signal,
    onProgress: () => controller.abort(),
  });
  await expect(run).rejects.toThrow(CancelledError);
  expect(asked.size).toBeLessThan(3 * 64);
});

test('records of which none fits are refused with what to change', async () => {
  const { codec } = characterCodec();
  const run = encodeRecords(records, codec, contextConfigSchema.parse({ maxContextTokens: 40, maxNewTokens: 8 }));
  await expect(run).rejects.toThrow(UsageError);
  await expect(run).rejects.toThrow('raise sft.context.maxContextTokens');
});
