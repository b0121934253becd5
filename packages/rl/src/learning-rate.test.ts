import { expect, test } from 'vitest';
import { learningRateAt } from './learning-rate.js';

const options = { peak: 1e-3, warmup: 0.1, final: 0.2 };

test('rises to the peak, passes the middle of the cosine, ends at the final share', () => {
  expect(learningRateAt(0.05, options)).toBeCloseTo(5e-4, 12);
  expect(learningRateAt(0.1, options)).toBeCloseTo(1e-3, 12);
  expect(learningRateAt(0.55, options)).toBeCloseTo(6e-4, 12); // half way: 0.2 + 0.8 / 2
  expect(learningRateAt(1, options)).toBeCloseTo(2e-4, 12);
});

test('the first update moves the weights', () => {
  expect(learningRateAt(0, options)).toBeGreaterThan(0);
});
