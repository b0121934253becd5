import fc from 'fast-check';
import { expect, test } from 'vitest';
import { bootstrapMean } from './bootstrap.js';

test('for 0/1 values the interval is close to the normal one', () => {
  const values = Array.from({ length: 400 }, (_, i) => (i % 4 === 0 ? 1 : 0));
  const { mean, low, high } = bootstrapMean(values, 4000, 3);
  const half = 1.96 * Math.sqrt((0.25 * 0.75) / 400); // 0.0424
  expect(mean).toBe(0.25);
  // Values are multiples of 1/400; Monte Carlo error of a quantile at 4000 samples is below 0.004.
  expect(Math.abs(low - (0.25 - half))).toBeLessThan(0.007);
  expect(Math.abs(high - (0.25 + half))).toBeLessThan(0.007);
});

test('the interval holds the mean, and the same seed gives the same interval', () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: -9, max: 9 }), { minLength: 1, maxLength: 30 }),
      fc.nat(),
      (values, seed) => {
        const interval = bootstrapMean(values, 200, seed);
        expect(interval.low).toBeLessThanOrEqual(interval.high);
        expect(interval.low).toBeGreaterThanOrEqual(Math.min(...values));
        expect(interval.high).toBeLessThanOrEqual(Math.max(...values));
        expect(bootstrapMean(values, 200, seed)).toEqual(interval);
      },
    ),
    { numRuns: 50 },
  );
});

test('equal values give an interval of no width', () => {
  expect(bootstrapMean([0.5, 0.5, 0.5], 100, 1)).toEqual({ mean: 0.5, low: 0.5, high: 0.5 });
});

test('no values and NaN are refused', () => {
  expect(() => bootstrapMean([], 100, 1)).toThrow('expected at least one value');
  expect(() => bootstrapMean([1, Number.NaN], 100, 1)).toThrow('received NaN at index 1');
});
