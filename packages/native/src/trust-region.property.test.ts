import fc from 'fast-check';
import { expect, test } from 'vitest';
import { policyLoss, trustRegionWeights } from './index.js';
import { bits, expectSameOnAnyThreads, expectWithin } from './kernel-laws.testing.js';
import { trustRegionWeightsReference } from './reference/index.js';
import { floatsFor, sampledRows } from './rows.testing.js';

const logprob = fc.oneof(
  fc.integer({ min: -200, max: 0 }).map((k) => k / 64),
  fc.constantFrom(0, -30, -80, -1e-7),
);
const batches = sampledRows().chain(({ rows }) =>
  fc.record({
    rows: fc.constant(rows),
    logprobs: floatsFor(rows, logprob),
    oldLogprobs: floatsFor(rows, logprob),
    advantages: floatsFor(rows, fc.constantFrom(-1, 0, 2)),
  }),
);
const options = fc.record({
  divergence: fc.constantFrom('total_variation', 'kl'),
  low: fc.constantFrom(0, 0.0511, 0.31),
  high: fc.constantFrom(0.0513, 0.33, Number.POSITIVE_INFINITY),
  ratioCap: fc.constantFrom(1.01, 3, 20),
} as const);

test('agrees with the reference', () => {
  fc.assert(
    fc.property(batches, options, ({ rows, logprobs, oldLogprobs, advantages }, chosen) => {
      const expected = trustRegionWeightsReference(logprobs, oldLogprobs, advantages, rows.mask, chosen);
      const weights = trustRegionWeights(logprobs, oldLogprobs, advantages, rows, chosen);
      expectWithin(weights, expected, (t) => 1e-7 * expected[t]!);
    }),
  );
});

test('where the policy has not moved every weight is 1, and the loss is REINFORCE', () => {
  fc.assert(
    fc.property(batches, options, ({ rows, logprobs, advantages }, chosen) => {
      const weights = trustRegionWeights(logprobs, logprobs, advantages, rows, chosen);
      expect([...weights]).toEqual([...rows.mask]);
      const batch = {
        rows,
        logprobs,
        oldLogprobs: logprobs,
        advantages,
        rowWeights: new Float64Array(rows.offsets.length - 1).fill(1),
      };
      const objective = { kind: 'reinforce' } as const;
      expect(bits(policyLoss({ ...batch, weights }, { objective }).gradient)).toEqual(
        bits(policyLoss(batch, { objective }).gradient),
      );
    }),
  );
});

test('a step back towards the old policy always counts', () => {
  fc.assert(
    fc.property(batches, options, ({ rows, logprobs, oldLogprobs, advantages }, chosen) => {
      const weights = trustRegionWeights(logprobs, oldLogprobs, advantages, rows, chosen);
      for (const [t, flag] of rows.mask.entries()) {
        const isAway = advantages[t]! > 0 ? logprobs[t]! > oldLogprobs[t]! : logprobs[t]! < oldLogprobs[t]!;
        if (flag === 1 && !isAway) expect(weights[t]).toBeGreaterThan(0);
      }
    }),
  );
});

test('the thread count changes no bit', () => {
  const n = 20_001;
  const rows = { mask: new Uint8Array(n).fill(1), offsets: Int32Array.of(0, 7, n) };
  const wave = (scale: number): Float32Array => Float32Array.from({ length: n }, (_, t) => scale * Math.sin(t * t) - 2);
  expectSameOnAnyThreads(() => [
    trustRegionWeights(wave(1), wave(1.1), wave(3), rows, { divergence: 'kl', low: 0.05, high: 0.05 }),
  ]);
});

test('a NaN is shown, and bounds that make no sense are refused', () => {
  const rows = { mask: Uint8Array.of(1, 0), offsets: Int32Array.of(0, 2) };
  const nan = Float32Array.of(Number.NaN, Number.NaN);
  const zero = new Float32Array(2);
  const region = { divergence: 'kl', low: 0.1, high: 0.1 } as const;
  expect([...trustRegionWeights(nan, zero, zero, rows, region)]).toEqual([Number.NaN, 0]);
  expect(() => trustRegionWeights(zero, zero, zero, rows, { ...region, low: -1 })).toThrow('expected low to be >= 0');
  expect(() => trustRegionWeights(zero, zero, zero, rows, { ...region, ratioCap: 0 })).toThrow('expected ratioCap');
  expect(() => trustRegionWeights(zero, zero, zero, rows, { ...region, divergence: 'js' as 'kl' })).toThrow(
    'expected divergence to be one of total_variation, kl, received js',
  );
});
