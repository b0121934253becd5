import { expect, test } from 'vitest';
import { formatScores, scoreBfcl } from './scores.js';

test('overall is the plain mean of four categories, whatever their sizes; a missing one counts 0', () => {
  const scores = scoreBfcl([
    { category: 'base', valid: true },
    { category: 'base', valid: false },
    { category: 'miss_param', valid: true },
    { category: 'long_context', valid: false },
    { category: 'composite', valid: true },
  ]);
  expect(scores.overall).toBe((0.5 + 0 + 1 + 0) / 4);
  expect(scores.categories.map(({ category, accuracy }) => [category, accuracy])).toEqual([
    ['base', 0.5],
    ['miss_func', null],
    ['miss_param', 1],
    ['long_context', 0],
    ['composite', 1],
  ]);
  expect(formatScores(scores)).toMatch(/miss_func +0\/0 +N\/A/);
  expect(formatScores(scores)).toMatch(/multi-turn +37\.50%/);
});
