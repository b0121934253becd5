import { parseCompletion, segmentsToText } from '@parl-mt/chat';
import { generateTasks, type SynthesizedTask } from '@parl-mt/environments';
import { type PagRecord, pagConfigSchema, RolloutError, synthesisConfigSchema } from '@parl-mt/schema';
import { expect, test } from 'vitest';
import { describeDecision } from '../annotate.js';
import { targetSteps } from '../episode-messages.js';
import { type CallWriter, reconstructionRates } from './sampling.js';
import { verifyTask } from './verify-task.js';

const tasks = [
  ...generateTasks(
    synthesisConfigSchema.parse({ tasks: 6, seed: 3, classes: ['GorillaFileSystem', 'TicketAPI'], maxCallsPerTurn: 2 }),
  ),
];
const sources = new Map(tasks.map((source) => [source.task.id, source]));
const config = { samples: 4, minMatchRate: 0.5, temperature: 1, maxNewTokens: 64 };
const records = tasks.flatMap(recordsOf);

function recordsOf(source: SynthesizedTask): PagRecord[] {
  const candidates = targetSteps(source).map(({ turn, step }) => [describeDecision({ source, turn, step })]);
  const labels = { provenance: { generator: 'test', promptHash: 'h', seed: 1 }, split: 'train' } as const;
  return verifyTask(source, candidates, pagConfigSchema.parse({}), labels).map(({ record }) => record);
}

/** A writer whose completions are a function of the record that the prompt belongs to, and of the sample's number. */
function writer(write: (record: PagRecord, sample: number) => string): CallWriter {
  const withCalls = records.filter(({ targetCalls }) => targetCalls.length > 0);
  let asked = 0;
  return {
    fingerprint: 'scripted',
    writeCalls: async (requests) =>
      requests.map(({ written }) => {
        const record = withCalls[Math.floor(asked / config.samples)]!;
        expect(segmentsToText(written)).toContain(`<summary>${record.awareness.summary}</summary>`);
        const text = write(record, asked % config.samples);
        asked += 1;
        return parseCompletion(text, { awareness: false });
      }),
  };
}

const tagged = (callTexts: readonly string[]): string =>
  `${callTexts.map((callText) => `<tool_call>${callText}</tool_call>`).join('')}<|end|>`;

test('the target itself always matches; final messages have no rate', async () => {
  const rates = await reconstructionRates(
    records,
    sources,
    writer(({ targetCalls }) => tagged(targetCalls)),
    config,
  );
  expect(rates.length).toBe(records.length);
  expect(rates.filter((rate) => rate === 1).length).toBeGreaterThan(10);
  for (const [i, rate] of rates.entries()) expect(rate).toBe(records[i]!.targetCalls.length > 0 ? 1 : null);
});

test('what is counted is the effect: another spelling matches, another value or one call more does not', async () => {
  const respelt = (callText: string): string => {
    const [name, args] = [callText.slice(0, callText.indexOf('(')), callText.slice(callText.indexOf('(') + 1, -1)];
    // Arguments in reverse order, where splitting at commas is safe.
    return /['"][^'"]*,/.test(args) || args.includes('[')
      ? callText
      : `${name}( ${args.split(', ').reverse().join(' , ')} )`;
  };
  const spoilt = (callText: string): string => callText.replace(/'([^']+)'/, "'x$1'").replace(/=(\d+)/, '=1$1');
  const rates = await reconstructionRates(
    records,
    sources,
    writer(({ targetCalls }, sample) => {
      if (sample === 0) return tagged(targetCalls.map(respelt));
      if (sample === 1) return tagged(targetCalls.map(spoilt));
      if (sample === 2) return tagged([...targetCalls, 'pwd()']);
      return '<tool_call>not a call</tool_call><|end|>';
    }),
    config,
  );
  const called = records.flatMap(({ targetCalls: [callText] }, i) =>
    callText === undefined ? [] : [{ callText, rate: rates[i]! }],
  );
  for (const { callText, rate } of called) {
    // A call without an argument is not spoilt: the second sample matches too.
    expect(rate, callText).toBe(spoilt(callText) === callText ? 0.5 : 0.25);
  }
  expect(called.some(({ rate }) => rate === 0.25)).toBe(true);
});

test('the world of a sample is a copy: what one sample does, the next does not see', async () => {
  const rates = await reconstructionRates(
    records,
    sources,
    writer(({ targetCalls }, sample) =>
      sample % 2 === 0 ? tagged([...targetCalls, ...targetCalls]) : tagged(targetCalls),
    ),
    config,
  );
  for (const rate of rates) if (rate !== null) expect(rate).toBeGreaterThanOrEqual(0.5);
});

test('a writer that answers with another number is a RolloutError of the model', async () => {
  const short: CallWriter = { fingerprint: 'short', writeCalls: async () => [] };
  await expect(reconstructionRates(records, sources, short, config)).rejects.toThrow(RolloutError);
});
