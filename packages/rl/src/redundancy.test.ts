import type { Step, Trajectory } from '@parl-mt/schema';
import { expect, test } from 'vitest';
import { callRedundancy, contextRedundancy } from './redundancy.js';

function step(parts: Partial<Step>): Step {
  return {
    turn: 0,
    promptTokens: [],
    completionTokens: [],
    behaviorLogprobs: [],
    text: '',
    calls: [],
    callTexts: [],
    results: [],
    stateBefore: [],
    stateAfter: '',
    ...parts,
  };
}

function calling(name: string, args: string, state: string, isError = false): Step {
  return step({
    calls: [{ name, arguments: args }],
    callTexts: [`${name}(...)`],
    results: [{ content: 'r', isError }],
    stateBefore: [state],
  });
}

function trajectory(steps: Step[]): Trajectory {
  return {
    taskId: 't',
    groupId: 0,
    seed: 0,
    steps,
    stopReason: 'completed',
    usage: { promptTokens: 0, completionTokens: 0, calls: steps.length, seconds: 0 },
  };
}

test('the same call on the same state is redundant, on another state it is not', () => {
  const counts = callRedundancy([
    trajectory([calling('ls', '{}', 's1'), calling('ls', '{}', 's1')]),
    trajectory([calling('ls', '{}', 's1'), calling('ls', '{}', 's2')]),
  ]);
  expect(counts).toEqual([1, 0]);
});

test('argument order makes no difference; a failure repeated verbatim is redundant on any state', () => {
  expect(
    callRedundancy([trajectory([calling('mv', '{"a":1,"b":2}', 's'), calling('mv', '{"b":2,"a":1}', 's')])]),
  ).toEqual([1]);
  expect(
    callRedundancy([trajectory([calling('cd', '{"x":1}', 's1', true), calling('cd', '{"x":1}', 's2', true)])]),
  ).toEqual([1]);
});

test('broken arguments are compared as none and never throw', () => {
  expect(callRedundancy([trajectory([calling('cd', '{"x":', 's'), calling('cd', '{}', 's')])])).toEqual([1]);
});

const aware = (summary: string, plan: string, result = ''): Step =>
  step({ awareness: { summary, plan }, results: result === '' ? [] : [{ content: result, isError: false }] });

test('a plan repeated word for word costs one half, a moving plan nothing', () => {
  expect(contextRedundancy([trajectory([aware('a', 'next cat notes'), aware('b', 'next cat notes')])])).toEqual([0.5]);
  expect(contextRedundancy([trajectory([aware('a', 'next cat notes'), aware('b', 'turn done')])])).toEqual([0]);
});

test('a summary that quotes a tool result costs the share of its four-word runs', () => {
  // Five words, two runs of four, both stand in the result: 1 / 2.
  const steps = [aware('x', 'one'), aware('red green blue white black', 'two')];
  const quoted = [{ ...steps[0]!, results: [{ content: 'red green blue white black', isError: false }] }, steps[1]!];
  expect(contextRedundancy([trajectory(quoted)])).toEqual([0.5]);
  expect(contextRedundancy([trajectory(steps)])).toEqual([0]);
});

test('what a summary carries over from the former summary is not counted', () => {
  expect(
    contextRedundancy([trajectory([aware('docs made in home dir', 'one'), aware('docs made in home dir', 'two')])]),
  ).toEqual([0]);
});

test('no awareness, no steps: nothing restated', () => {
  expect(contextRedundancy([trajectory([]), trajectory([step({})])])).toEqual([0, 0]);
});
