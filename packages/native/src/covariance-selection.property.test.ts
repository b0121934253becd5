import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { covarianceBandMask, highCovarianceMask } from './index.js';
import {
  covarianceBandMaskReference,
  highCovarianceMaskReference,
  tokenCovariancesReference,
} from './reference/index.js';
import { floatsFor, sampledRows } from './rows.testing.js';

/** A grid whose sums are exact: both sides have the same means, and break the same ties. */
const logprob = fc.integer({ min: -64, max: 0 }).map((k) => k / 16);
const batches = sampledRows().chain(({ rows }) =>
  fc.record({
    rows: fc.constant(rows),
    logprobs: floatsFor(rows, logprob),
    oldLogprobs: floatsFor(rows, logprob),
    advantages: floatsFor(
      rows,
      fc.integer({ min: -8, max: 8 }).map((k) => k / 4),
    ),
  }),
);
const share = fc.constantFrom(0, 2e-4, 0.1, 0.5, 1);
const count = (selected: Uint8Array): number => selected.reduce((sum, flag) => sum + flag, 0);

describe('highCovarianceMask', () => {
  test('agrees with the reference', () => {
    fc.assert(
      fc.property(batches, share, ({ rows, logprobs, advantages }, chosen) => {
        const expected = highCovarianceMaskReference({ logprobs, advantages, mask: rows.mask }, { share: chosen });
        expect(highCovarianceMask(logprobs, advantages, rows, { share: chosen })).toEqual(expected);
      }),
    );
  });

  test('takes the share, at least one token, and none that has less covariance than one left out', () => {
    fc.assert(
      fc.property(batches, share, ({ rows, logprobs, advantages }, chosen) => {
        const selected = highCovarianceMask(logprobs, advantages, rows, { share: chosen });
        const sampled = count(rows.mask);
        expect(count(selected)).toBe(Math.min(sampled, Math.max(1, Math.floor(chosen * sampled))));
        const covariances = tokenCovariancesReference({ logprobs, advantages, mask: rows.mask });
        const of = (flag: number): number[] => covariances.filter((_, t) => rows.mask[t] === 1 && selected[t] === flag);
        expect(Math.min(...of(1))).toBeGreaterThanOrEqual(Math.max(...of(0)));
      }),
    );
  });
});

describe('covarianceBandMask', () => {
  const options = fc.record({
    share,
    low: fc.constantFrom(-0.3, 0.05, 0.26),
    high: fc.constantFrom(1.02, 5.01),
    clipLow: fc.constantFrom(0, 0.2, 0.7),
    clipHigh: fc.constantFrom(0.21, 3),
  });

  test('agrees with the reference, in order and at random', () => {
    fc.assert(
      fc.property(batches, options, fc.option(fc.nat(), { nil: undefined }), ({ rows, ...batch }, chosen, seed) => {
        const all = seed === undefined ? chosen : { ...chosen, seed };
        const expected = covarianceBandMaskReference({ ...batch, mask: rows.mask }, all);
        const { logprobs, oldLogprobs, advantages } = batch;
        expect(covarianceBandMask(logprobs, oldLogprobs, advantages, rows, all)).toEqual(expected);
      }),
    );
  });

  test('with the whole share the seed has no say', () => {
    fc.assert(
      fc.property(batches, options, fc.nat(), ({ rows, logprobs, oldLogprobs, advantages }, chosen, seed) => {
        const all = { ...chosen, share: 1 };
        expect(covarianceBandMask(logprobs, oldLogprobs, advantages, rows, { ...all, seed })).toEqual(
          covarianceBandMask(logprobs, oldLogprobs, advantages, rows, all),
        );
      }),
    );
  });
});

test('what cannot be used is named', () => {
  const rows = { mask: Uint8Array.of(1, 0, 1), offsets: Int32Array.of(0, 3) };
  const [logprobs, advantages] = [Float32Array.of(-1, Number.NaN, -2), Float32Array.of(1, Number.NaN, 0)];
  expect(highCovarianceMask(logprobs, advantages, rows)).toHaveLength(3);
  expect(() => highCovarianceMask(logprobs, advantages, rows, { share: 1.5 })).toThrow('expected share to be in 0..1');
  expect(() => highCovarianceMask(Float32Array.of(-1, 0, Number.NaN), advantages, rows)).toThrow(
    'expected finite logprobs, received NaN at index 2',
  );
  const band = { clipLow: 0.2, clipHigh: 0.2 };
  const select = (options: object) => covarianceBandMask(logprobs, logprobs, advantages, rows, { ...band, ...options });
  expect(() => select({ low: 5, high: 1 })).toThrow('expected low < high, received 5 and 1');
  expect(() => select({ clipLow: -1 })).toThrow('expected clipLow to be >= 0, received -1');
  expect(() => select({ seed: 0.5 })).toThrow('expected seed to be an integer');
});
