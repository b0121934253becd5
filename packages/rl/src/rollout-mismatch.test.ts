import { importanceWeights, rejectMismatched } from '@parl-mt/native';
import { expect, test } from 'vitest';
import { importanceMetrics, policyMismatch, rejectionMetrics } from './rollout-mismatch.js';

// Two rows: ratios 2 and 1/2 with an observation between them, and ratio 4; then a row without a sampled token.
const rows = { mask: Uint8Array.of(1, 0, 1, 1, 0), offsets: Int32Array.of(0, 3, 4, 5) };
const rollout = Float32Array.of(-2, Number.NaN, -2, -2, -2);
const training = rollout.map((logprob, t) => logprob + [Math.LN2, 0, -Math.LN2, 2 * Math.LN2, 0][t]!);

test('policyMismatch of equal policies is 0 everywhere', () => {
  const same = policyMismatch(rollout, rollout, rows);
  expect(same).toMatchObject({ kl: 0, klK3: 0, perplexityRatio: 1, chiSquaredTokens: 0, chiSquaredRows: 0 });
  expect(same.trainingPerplexity).toBeCloseTo(Math.exp(2), 9);
});

test('policyMismatch worked by hand, empty rows left out or counted', () => {
  const mismatch = policyMismatch(training, rollout, rows);
  // log-ratios ln 2 (1, -1, 2): k1 is minus their mean.
  expect(mismatch.kl).toBeCloseTo((-2 * Math.LN2) / 3, 6);
  expect(mismatch.chiSquaredTokens).toBeCloseTo((4 + 0.25 + 16) / 3 - 1, 5);
  // Products of ratios 1 and 4.
  expect(mismatch.chiSquaredRows).toBeCloseTo((1 + 16) / 2 - 1, 5);
  expect(mismatch.logPerplexityDifference).toBeCloseTo((0 - 2 * Math.LN2) / 2, 6);
  const counted = policyMismatch(training, rollout, rows, { emptyRows: 'count' });
  expect(counted.chiSquaredRows).toBeCloseTo((1 + 16 + 1) / 3 - 1, 5);
  expect(() => policyMismatch(training, rollout, { ...rows, mask: new Uint8Array(5) })).toThrow(
    'at least one sampled token',
  );
});

test('importanceMetrics describe truncated weights, and weights that are all 0', () => {
  const options = { level: 'token', bound: 'truncate', high: 3 } as const;
  const { weights } = importanceWeights(training, rollout, rows, options);
  const metrics = importanceMetrics(weights, training, rollout, rows, options);
  expect(metrics.mean).toBeCloseTo((2 + 0.5 + 3) / 3, 6);
  expect([metrics.fractionAbove, metrics.fractionBelow]).toEqual([1 / 3, 0]);
  expect(metrics.effectiveSampleShare).toBeCloseTo(5.5 ** 2 / (3 * (4 + 0.25 + 9)), 6);
  const window = { level: 'token', bound: 'mask', low: 0.9, high: 1.1 } as const;
  const none = importanceWeights(training, rollout, rows, window).weights;
  expect(importanceMetrics(none, training, rollout, rows, window)).toMatchObject({
    effectiveSampleShare: 0,
    mean: 0,
    outsideFraction: 1,
  });
});

test('rejectionMetrics count what was taken out', () => {
  const options = { statistic: 'k1', extent: 'token', low: 0.6, high: 3 } as const;
  const metrics = rejectionMetrics(rejectMismatched(training, rollout, rows, options), rows, options);
  expect([metrics.rejectedFraction, metrics.rejectedRowFraction]).toEqual([2 / 3, 1]);
  expect([metrics.fractionAbove, metrics.fractionBelow]).toEqual([1 / 3, 1 / 3]);
  expect(metrics.max).toBeCloseTo(2 * Math.LN2, 6);
});
