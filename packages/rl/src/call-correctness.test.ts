import type { ToolCall } from '@parl-mt/schema';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { callSimilarity, turnCorrectness } from './call-correctness.js';

const call = (name: string, args: Record<string, unknown>): ToolCall => ({ name, arguments: JSON.stringify(args) });

test('an equal call scores 1, another name 0', () => {
  expect(callSimilarity(call('cd', { folder: 'a' }), call('cd', { folder: 'a' }))).toBe(1);
  expect(callSimilarity(call('cd', { folder: 'a' }), call('ls', { folder: 'a' }))).toBe(0);
});

test('one of two values wrong: (1 + 2/2 + 1/2) / 3', () => {
  expect(
    callSimilarity(call('mv', { source: 'a', destination: 'x' }), call('mv', { source: 'a', destination: 'b' })),
  ).toBeCloseTo(2.5 / 3, 12);
});

test('the order of object keys is no difference, the order of list items is', () => {
  expect(callSimilarity(call('f', { o: { a: 1, b: 2 } }), call('f', { o: { b: 2, a: 1 } }))).toBe(1);
  expect(callSimilarity(call('f', { l: [1, 2] }), call('f', { l: [2, 1] }))).toBeCloseTo(2 / 3, 12);
});

test('a superfluous call costs as much as a missing one', () => {
  const a = call('a', {});
  const b = call('b', {});
  expect(turnCorrectness([a, b], [a])).toBeCloseTo(2 / 3, 12);
  expect(turnCorrectness([a], [a, b])).toBeCloseTo(2 / 3, 12);
});

test('broken arguments score only the name', () => {
  expect(callSimilarity({ name: 'cd', arguments: '{"folder":' }, call('cd', { folder: 'a' }))).toBeCloseTo(1 / 3, 12);
});

const calls = fc.array(
  fc
    .record({ name: fc.constantFrom('a', 'b'), x: fc.integer({ min: 0, max: 2 }) })
    .map(({ name, x }) => call(name, { x })),
  { maxLength: 5 },
);

test('a turn scores in [0, 1], the same in any order, and 1 against itself', () => {
  fc.assert(
    fc.property(calls, calls, (emitted, expected) => {
      const score = turnCorrectness(emitted, expected);
      expect(score).toBeGreaterThanOrEqual(0);
      expect(score).toBeLessThanOrEqual(1);
      expect(turnCorrectness([...emitted].reverse(), expected)).toBeCloseTo(score, 12);
      expect(turnCorrectness(expected, expected)).toBeCloseTo(1, 12);
    }),
  );
});
