import { UsageError } from '@parl-mt/schema';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { formatCurve, partMeans } from './reward-curve.js';

test('parts are consecutive and nearly equal', () => {
  expect(partMeans([1, 3, 5, 7], 2)).toEqual([2, 6]);
  expect(partMeans([1, 2, 3, 4, 5], 2)).toEqual([1.5, 4]);
  expect(partMeans([1, 2], 8)).toEqual([1, 2]);
  expect(partMeans([], 8)).toEqual([]);
  expect(() => partMeans([1], 0)).toThrow(UsageError);
});

test('the line shows first and last part and a bar for each', () => {
  expect(formatCurve([0, 0, 0.5, 0.5, 1, 1], 3)).toBe('0.000 ▁▅█ 1.000 (6 values; 0.000 0.500 1.000)');
  expect(formatCurve([0.5, 0.5], 2)).toBe('0.500 ▁▁ 0.500 (2 values; 0.500 0.500)');
  expect(formatCurve([])).toBe('no values');
});

test('parts keep the overall mean when their sizes are equal', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 6 }),
      fc.integer({ min: 1, max: 5 }),
      fc.infiniteStream(fc.double({ min: -1, max: 1, noNaN: true })),
      (parts, size, stream) => {
        const values = Array.from({ length: parts * size }, () => stream.next().value as number);
        const mean = (numbers: readonly number[]) => numbers.reduce((sum, value) => sum + value, 0) / numbers.length;
        expect(mean(partMeans(values, parts))).toBeCloseTo(mean(values), 12);
      },
    ),
  );
});
