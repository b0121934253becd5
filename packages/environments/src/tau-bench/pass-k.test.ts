import fc from 'fast-check';
import { expect, test } from 'vitest';
import { passMetrics } from './pass-k.js';

test('two tasks, four trials, worked by hand', () => {
  // Task a: 4 of 4, task b: 2 of 4. pass^2 = (C(4,2) + C(2,2)) / 2 / C(4,2) = (6 + 1) / 12.
  const rewards: [string, number[]][] = [
    ['a', [1, 1, 1, 1]],
    ['b', [1, 0, 0.5, 1]],
  ];
  const results = rewards.flatMap(([taskId, list]) => list.map((reward, trial) => ({ taskId, trial, reward })));
  const { averageReward, passHatK } = passMetrics(results);
  expect(averageReward).toBeCloseTo(6.5 / 8, 12);
  [3 / 4, 7 / 12, 1 / 2, 1 / 2].forEach((expected, index) => {
    expect(passHatK[index]).toBeCloseTo(expected, 12);
  });
});

test('pass^1 is the success rate, and more trials in a row are never easier', () => {
  const grid = fc.tuple(fc.integer({ min: 1, max: 6 }), fc.integer({ min: 1, max: 8 })).chain(([tasks, trials]) =>
    fc.array(fc.array(fc.boolean(), { minLength: trials, maxLength: trials }), {
      minLength: tasks,
      maxLength: tasks,
    }),
  );
  fc.assert(
    fc.property(grid, (successes) => {
      const results = successes.flatMap((row, taskId) =>
        row.map((isSuccess, trial) => ({ taskId, trial, reward: isSuccess ? 1 : 0 })),
      );
      const { passHatK } = passMetrics(results);
      const rate = successes.flat().filter(Boolean).length / successes.flat().length;
      expect(passHatK[0]).toBeCloseTo(rate, 12);
      for (let k = 1; k < passHatK.length; k++) {
        expect(passHatK[k]).toBeLessThanOrEqual((passHatK[k - 1] as number) + 1e-12);
      }
    }),
  );
});

test('no results are refused', () => {
  expect(() => passMetrics([])).toThrow('expected at least one result');
});
