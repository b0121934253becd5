import { type Awareness, pagConfigSchema, pagRecordSchema } from '@parl-mt/schema';
import { describe, expect, test } from 'vitest';
import { describeDecision } from '../annotate.js';
import { targetSteps } from '../episode-messages.js';
import { exampleTask } from '../example-task.testing.js';
import { checkFormat } from './format.js';
import { type VerifiedDecision, verifyTask } from './verify-task.js';

const config = pagConfigSchema.parse({});
const labels = { provenance: { generator: 'test', promptHash: 'h', seed: 1 }, split: 'train' } as const;
const source = exampleTask('t', 731);
const honest = targetSteps(source).map(({ turn, step }) => describeDecision({ source, turn, step }));

/** Verifies the task with the awareness of one decision replaced. */
function verifyWith(index: number, change: Partial<Awareness>): VerifiedDecision[] {
  const candidates = honest.map((awareness, at) => [at === index ? { ...awareness, ...change } : awareness]);
  return verifyTask(source, candidates, config, labels);
}

test('honest records pass every gate and fit the schema', () => {
  const decisions = verifyWith(0, {});
  expect(decisions.map(({ rejection }) => rejection)).toEqual(decisions.map(() => undefined));
  for (const { record } of decisions) {
    expect(pagRecordSchema.parse(JSON.parse(JSON.stringify(record)))).toEqual(record);
  }
});

test('context and history are what stands before the step', () => {
  const decisions = verifyWith(0, {});
  const roles = (index: number, field: 'contextMessages' | 'historyMessages') =>
    decisions[index]?.record[field].map(({ role }) => role).join(' ');
  expect(roles(0, 'contextMessages')).toBe('user');
  expect(roles(1, 'contextMessages')).toBe('user assistant tool');
  expect(roles(2, 'contextMessages')).toBe('user assistant tool');
  expect(roles(3, 'contextMessages')).toBe('assistant user'); // first step of turn 2: the message that ended turn 1
  expect(roles(3, 'historyMessages')).toBe('system user assistant tool assistant tool assistant user');
  expect(decisions[3]?.record.previousAwareness).toEqual(honest[2]);
});

describe('corrupted awareness is refused, with stage and reason', () => {
  // Decision 3: about to open the ticket, whose id 731 only the result tells. Decision 4: after it.
  test.each<[string, number, Partial<Awareness>, string, RegExp]>([
    ['id of a future result in the plan', 3, { plan: 'create_ticket:731' }, 'no_hindsight', /"731"/],
    ['the same as an answer', 3, { plan: 'create_ticket=731' }, 'no_hindsight', /"731"/],
    ['the same in prose', 3, { plan: 'Open it; it gets number 731.' }, 'no_hindsight', /"731"/],
    [
      'content of a later user message',
      0,
      { plan: "mkdir;then open 'printer delay'" },
      'no_hindsight',
      /printer delay/,
    ],
    [
      'a later argument in plain words',
      3,
      { plan: 'Open the ticket, later say replaced the cable' },
      'no_hindsight',
      /replaced the cable/,
    ],
    [
      'id of a future result in the summary',
      3,
      { summary: 'in:docs;mkdir:docs;create_ticket=731' },
      'grounded',
      /"731"/,
    ],
    ['invented id', 5, { summary: 'in:docs;mkdir:docs;create_ticket=732' }, 'grounded', /"732"/],
    ['invented folder', 4, { summary: 'in:papers;mkdir:docs;create_ticket=731' }, 'grounded', /"papers"/],
    [
      'invented folder of a path',
      4,
      { summary: 'in:docs/old;mkdir:docs;create_ticket=731' },
      'grounded',
      /"docs\/old"/,
    ],
    ['invented argument', 4, { summary: 'in:docs;mkdir:papers;create_ticket=731' }, 'grounded', /"papers"/],
    ['item of an invented function', 4, { summary: 'in:docs;made:papers' }, 'grounded', /"papers"/],
    ['decimals added to a known number', 5, { summary: 'create_ticket=731.5' }, 'grounded', /"731.5"/],
    ['sign added to a known number', 5, { summary: 'create_ticket=-731' }, 'grounded', /"-731"/],
    ['invented name in prose', 1, { summary: 'Greta asked for a folder docs, mkdir by Greta' }, 'grounded', /"Greta"/],
    ['invented quotation', 1, { summary: "mkdir:docs;the user wants 'big files'" }, 'grounded', /big files/],
    ['part of a known number', 5, { summary: 'create_ticket=73' }, 'grounded', /"73"/],
    ['empty summary', 1, { summary: ' ' }, 'format', /expected text inside <summary>/],
    ['empty plan', 1, { plan: '' }, 'format', /expected text inside <think>/],
    ['summary beyond the limit', 1, { summary: 'mkdir:docs;'.repeat(60) }, 'format', /at most 600 characters/],
    ['plan beyond the limit', 1, { plan: 'cd:docs;'.repeat(60) }, 'format', /at most 400 characters/],
    ['second think block', 1, { plan: 'cd</think><think>ls' }, 'format', /received <think>/],
    ['forged end', 1, { plan: 'cd</think>Done.<|end|>' }, 'format', /nothing after <\|end\|>/],
  ])('%s', (_, index, change, stage, reason) => {
    const decisions = verifyWith(index, change);
    expect(decisions[index]?.rejection).toMatchObject({ stage });
    expect(decisions[index]?.rejection?.reason).toMatch(reason);
    expect(decisions.filter(({ rejection }) => rejection?.stage === stage)).toHaveLength(1);
  });

  test('the record that would be shown a refused awareness is refused too, the ones after it are not', () => {
    const stages = verifyWith(3, { plan: 'create_ticket:731' }).map(({ rejection }) => rejection?.stage);
    expect(stages).toEqual([undefined, undefined, undefined, 'no_hindsight', 'context', undefined, undefined]);
  });
});

test('what the history already told may stand in the plan, and what the policy chooses itself', () => {
  expect(verifyWith(5, { plan: "resolve_ticket:731:'replaced the cable'" })[5]?.rejection).toBeUndefined();
});

test('the first candidate that passes is taken; verdicts of the others do not matter', () => {
  const bad = { summary: 'create_ticket=999', plan: 'mkdir' };
  const candidates = honest.map((awareness) => [bad, awareness]);
  const decisions = verifyTask(source, candidates, config, labels);
  expect(decisions.every(({ rejection }) => rejection === undefined)).toBe(true);
  expect(decisions.map(({ record }) => record.awareness)).toEqual(honest);
});

test('blocks in the wrong order fail the format gate', () => {
  expect(checkFormat('<think>p</think><summary>s</summary>Done.<|end|>', config)).toMatchObject({
    passed: false,
    kind: 'expected <summary>',
  });
});
