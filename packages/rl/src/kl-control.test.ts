import { expect, test } from 'vitest';
import { klShapedRewards, nextKlCoefficient } from './kl-control.js';

test('the coefficient follows the error to the target, by at most a fifth over the horizon', () => {
  // 10% above the target: 0.2 * (1 + 0.1 * 50 / 100).
  expect(nextKlCoefficient(0.2, 0.11, { target: 0.1, horizon: 100, steps: 50 })).toBeCloseTo(0.21, 12);
  // Ten times the target counts as 20% above, a KL of 0 as 20% below.
  expect(nextKlCoefficient(1, 1, { target: 0.1, horizon: 10, steps: 5 })).toBeCloseTo(1.1, 12);
  expect(nextKlCoefficient(1, 0, { target: 0.1, horizon: 10, steps: 5 })).toBeCloseTo(0.9, 12);
  expect(() => nextKlCoefficient(1, 0, { target: 0, horizon: 1, steps: 1 })).toThrow('expected target to be > 0');
  expect(() => nextKlCoefficient(1, 0, { target: 1, horizon: 0, steps: 1 })).toThrow('expected horizon to be > 0');
});

test('the reward of a token loses what it is worth more to the policy than to the reference', () => {
  expect([...klShapedRewards([0, 1], [-1, -2], [-1.5, -1], 0.5)]).toEqual([-0.25, 1.5]);
  expect(() => klShapedRewards([0], [1, 2], [1], 1)).toThrow(
    'expected logprobs.length to be scores.length 1, received 2',
  );
});
