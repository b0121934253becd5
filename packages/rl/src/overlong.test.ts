import { expect, test } from 'vitest';
import { lossMaskOf, overlongPenalty } from './overlong.js';

test('the penalty starts before the limit and stops at -1', () => {
  const limits = { maxTokens: 10, margin: 4 };
  expect([0, 6, 7, 9, 10, 99].map((tokens) => overlongPenalty(tokens, limits))).toEqual([0, 0, -0.25, -0.75, -1, -1]);
  expect(overlongPenalty(10, { maxTokens: 10, margin: 0 })).toBe(0);
  expect(overlongPenalty(11, { maxTokens: 10, margin: 0 })).toBe(-1);
  expect(() => overlongPenalty(1, { maxTokens: 0, margin: 0 })).toThrow('expected maxTokens to be > 0');
  expect(() => overlongPenalty(1, { maxTokens: 5, margin: 6 })).toThrow('expected margin to be in 0..5, received 6');
});

test('a completion that was cut off leaves the loss where asked to', () => {
  const run = (isTruncated: boolean, leaveOutTruncated: boolean) => [
    ...lossMaskOf([1, 0, 1], { isTruncated, leaveOutTruncated }),
  ];
  expect(run(true, true)).toEqual([0, 0, 0]);
  expect(run(true, false)).toEqual([1, 0, 1]);
  expect(run(false, true)).toEqual([1, 0, 1]);
});
