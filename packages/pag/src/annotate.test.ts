import { expect, test } from 'vitest';
import { describeDecision, deterministicAnnotator } from './annotate.js';
import { targetSteps } from './episode-messages.js';
import { exampleTask } from './example-task.testing.js';

test('the summary lists what was done and learned, the plan names the next call and its resolved values', () => {
  const source = exampleTask('t');
  const texts = targetSteps(source).map(({ turn, step }) => describeDecision({ source, turn, step }));
  expect(texts.map(({ summary, plan }) => `${summary} | ${plan}`)).toEqual([
    'none | mkdir;cd',
    'mkdir:docs | cd',
    'in:docs;mkdir:docs | done',
    'in:docs;mkdir:docs | create_ticket',
    'in:docs;mkdir:docs;create_ticket=3 | done',
    'in:docs;mkdir:docs;create_ticket=3 | resolve_ticket:3',
    'in:docs;mkdir:docs;create_ticket=3;resolve_ticket:3 | done',
  ]);
});

test('the plan recalls a thing by the function that the message names it by', () => {
  const base = exampleTask('t');
  const [, , third] = base.trace;
  const [resolve] = third?.calls ?? [];
  if (third === undefined || resolve === undefined) throw new Error('expected a call in the fixture');
  const [ticket, ...others] = resolve.arguments;
  const named = { ...ticket, provenance: { ...ticket?.provenance, method: 'create_ticket' } };
  const calls = [{ ...resolve, arguments: [named, ...others] }];
  const source = { ...base, trace: [...base.trace.slice(0, 2), { ...third, calls }] } as typeof base;
  expect(describeDecision({ source, turn: 2, step: 0 }).plan).toBe('resolve_ticket:create_ticket:3');
});

test('the annotator gives one candidate whatever is asked for', async () => {
  const decision = { source: exampleTask('t'), turn: 0, step: 0 };
  expect(await deterministicAnnotator.annotate(decision, 4)).toEqual([describeDecision(decision)]);
});

test('operands of arithmetic and flags are left out, `in` follows the last move, a look around leaves no item', () => {
  const base = exampleTask('t');
  const [first] = base.trace[0]?.calls ?? [];
  if (first === undefined) throw new Error('expected a call in the fixture');
  const numbers = { ...first.arguments[0], name: 'numbers', value: [{ number: '4' }, { number: '5' }] };
  const flag = { ...first.arguments[0], name: 'a', value: true };
  const reading = { ...first, changesState: false };
  const calls = [
    { ...reading, className: 'MathAPI', method: 'mean', result: '{"result": 4.5}', arguments: [numbers] },
    { ...first, method: 'cd', directory: '' },
    { ...reading, method: 'ls', result: '{"current_directory_content": ["a", "b"]}', arguments: [flag] },
    { ...first, method: 'logout', result: '{"success": true}', arguments: [] },
  ];
  const source = { ...base, trace: [{ ...base.trace[0], calls }] } as typeof base;
  expect(describeDecision({ source, turn: 0, step: 4 }).summary).toBe('in:/;mean=4.5;logout');
});
