import { UNAVAILABLE_CONTENT } from '@parl-mt/environments';
import { pagConfigSchema } from '@parl-mt/schema';
import { expect, test } from 'vitest';
import { describeDecision } from './annotate.js';
import { targetSteps } from './episode-messages.js';
import { exampleTask } from './example-task.testing.js';
import { withTransitFailures } from './transit-failures.js';
import { verifyTask } from './verify/verify-task.js';

const always = withTransitFailures(exampleTask('t'), 0.999999);

test('a failed call is made again at once, and nothing else changes', () => {
  const calls = always.trace.flatMap((turn) => turn.calls);
  expect(calls.map(({ method, failedInTransit }) => [method, failedInTransit === true])).toEqual([
    ['mkdir', true],
    ['mkdir', false],
    ['cd', true],
    ['cd', false],
    ['create_ticket', true],
    ['create_ticket', false],
    ['resolve_ticket', true],
    ['resolve_ticket', false],
  ]);
  expect(calls.filter(({ failedInTransit }) => failedInTransit).map(({ result }) => result)).toEqual(
    Array(4).fill(UNAVAILABLE_CONTENT),
  );
  expect(calls.filter(({ failedInTransit }) => !failedInTransit)).toEqual(
    exampleTask('t').trace.flatMap((turn) => turn.calls),
  );
  expect(always.task).toEqual(exampleTask('t').task);
});

test('a rate of 0 gives the task itself; the same task fails in the same places', () => {
  const task = exampleTask('t');
  expect(withTransitFailures(task, 0)).toBe(task);
  expect(withTransitFailures(task, 0.5)).toEqual(withTransitFailures(exampleTask('t'), 0.5));
});

test('what failed is not in the summary, and the plan names the call again, once', () => {
  const texts = [0, 1, 2, 3, 4].map((step) => describeDecision({ source: always, turn: 0, step }));
  expect(texts.map(({ summary, plan }) => `${summary} | ${plan}`)).toEqual([
    'none | mkdir;cd',
    'none | mkdir;cd',
    'mkdir:docs | cd',
    'mkdir:docs | cd',
    'in:docs;mkdir:docs | done',
  ]);
});

test('records of such a demonstration pass the gates and show the failure', () => {
  const decisions = verifyTask(
    always,
    targetSteps(always).map(({ turn, step }) => [describeDecision({ source: always, turn, step })]),
    pagConfigSchema.parse({}),
    { provenance: { generator: 'test', promptHash: 'x', seed: 1 }, split: 'train' },
  );
  expect(decisions.flatMap(({ rejection }) => rejection ?? [])).toEqual([]);
  expect(decisions[1]?.record.contextMessages.at(-1)).toEqual({ role: 'tool', content: UNAVAILABLE_CONTENT });
  expect(decisions[1]?.record.targetCalls).toEqual(decisions[0]?.record.targetCalls);
});
