import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  gammaWeights,
  highEntropyMask,
  importanceWeights,
  offPolicyMask,
  rejectMismatched,
  sampledCounts,
} from './index.js';
import { expectWithin } from './kernel-laws.testing.js';
import {
  gammaWeightsReference,
  highEntropyMaskReference,
  importanceWeightsReference,
  offPolicyMaskReference,
  rejectMismatchedReference,
} from './reference/index.js';
import { floatsFor, sampledRows } from './rows.testing.js';

/** A grid whose sums are exact, so that both sides of a comparison agree about every bound. */
const logprob = fc.integer({ min: -300, max: 0 }).map((k) => k / 128);
const pairs = sampledRows().chain(({ rows }) =>
  fc.record({
    rows: fc.constant(rows),
    ours: floatsFor(rows, logprob),
    theirs: floatsFor(rows, logprob),
    advantages: floatsFor(rows, fc.constantFrom(-1, 0, 2)),
  }),
);

describe('importanceWeights', () => {
  const options = fc.record({
    level: fc.constantFrom('token', 'sequence'),
    bound: fc.constantFrom('truncate', 'mask'),
    low: fc.constantFrom(0, 0.51),
    high: fc.constantFrom(1.01, 2, Number.POSITIVE_INFINITY),
    normalize: fc.boolean(),
  } as const);

  test('agree with the reference', () => {
    fc.assert(
      fc.property(pairs, options, ({ rows, ours, theirs }, chosen) => {
        const expected = importanceWeightsReference(ours, theirs, rows, chosen);
        const { weights, divisor } = importanceWeights(ours, theirs, rows, chosen);
        expectWithin(weights, expected, (t) => 1e-6 * (1 + Math.abs(expected[t]!)));
        if (!chosen.normalize) expect(divisor).toBe(1);
      }),
    );
  });

  test('are exactly 1 where both policies agree', () => {
    fc.assert(
      fc.property(pairs, options, ({ rows, ours }, chosen) => {
        const { weights } = importanceWeights(ours, ours, rows, chosen);
        expect([...weights]).toEqual([...rows.mask]);
      }),
    );
  });

  test('a log-prob that the sampler could not tell counts as agreement, if so asked', () => {
    const rows = { mask: Uint8Array.of(1, 1, 0), offsets: Int32Array.of(0, 3) };
    const [ours, theirs] = [new Float32Array(3), Float32Array.of(Number.NaN, -0.5, Number.NaN)];
    const options = { level: 'token', bound: 'mask', high: 2 } as const;
    expect(() => importanceWeights(ours, theirs, rows, options)).toThrow(
      'expected rolloutLogprobs where sampled, received NaN at index 0',
    );
    const { weights } = importanceWeights(ours, theirs, rows, { ...options, missing: 'ratio_one' });
    expect([...weights]).toEqual([1, expect.closeTo(Math.exp(0.5), 6), 0]);
    expect(() => importanceWeights(ours, ours, rows, { ...options, low: 3 })).toThrow('expected 0 <= low <= high');
    expect(() => importanceWeights(ours, ours, rows, { ...options, level: 'row' as 'token' })).toThrow(
      'expected level to be one of',
    );
  });

  test('normalised weights average to 1 over tokens', () => {
    fc.assert(
      fc.property(pairs, ({ rows, ours, theirs }) => {
        const { weights } = importanceWeights(ours, theirs, rows, {
          level: 'token',
          bound: 'truncate',
          high: 5,
          normalize: true,
        });
        const tokens = sampledCounts(rows).reduce((sum, count) => sum + count, 0);
        const sum = weights.reduce((total, weight) => total + weight, 0);
        expect(Math.abs(sum - tokens)).toBeLessThanOrEqual(1e-6 * tokens);
      }),
    );
  });
});

test('rejectMismatched agrees with the reference', () => {
  const options = fc.oneof(
    fc.record({
      statistic: fc.constant('k1' as const),
      extent: fc.constantFrom('token', 'sum', 'mean'),
      low: fc.constantFrom(0.49, 0.9),
      high: fc.constantFrom(1.1, 2.01),
    }),
    fc.record({
      statistic: fc.constantFrom('k2', 'k3'),
      extent: fc.constantFrom('token', 'sum', 'mean', 'largest'),
      high: fc.constantFrom(0.0101, 0.51),
    }),
  );
  fc.assert(
    fc.property(pairs, options, ({ rows, ours, theirs }, chosen) => {
      const expected = rejectMismatchedReference(ours, theirs, rows, chosen);
      const { keep, values } = rejectMismatched(ours, theirs, rows, chosen);
      expect(keep).toEqual(expected.keep);
      expectWithin(values, expected.values, (t) => 1e-6 * (1e-9 + Math.abs(expected.values[t]!)));
    }),
  );
  const rows = { mask: Uint8Array.of(1), offsets: Int32Array.of(0, 1) };
  const one = new Float32Array(1);
  // The bounds are those of the ratio: ratio 3 is within 0.5..5 and outside 0.2..2.
  const three = Float32Array.of(Math.log(3));
  expect([...rejectMismatched(three, one, rows, { statistic: 'k1', extent: 'token', low: 0.5, high: 5 }).keep]).toEqual(
    [1],
  );
  expect([...rejectMismatched(three, one, rows, { statistic: 'k1', extent: 'token', low: 0.2, high: 2 }).keep]).toEqual(
    [0],
  );
  expect(() => rejectMismatched(one, one, rows, { statistic: 'k2', extent: 'token', low: 0.1, high: 1 })).toThrow(
    'expected no low',
  );
});

test('offPolicyMask, highEntropyMask and gammaWeights agree with the references', () => {
  fc.assert(
    fc.property(pairs, fc.constantFrom(-0.013, 0.0501, 1), ({ rows, ours, theirs, advantages }, threshold) => {
      expect(offPolicyMask(ours, theirs, advantages, rows, { threshold })).toEqual(
        offPolicyMaskReference(ours, theirs, advantages, rows, threshold),
      );
    }),
  );
  const entropies = sampledRows().chain(({ rows }) =>
    fc.tuple(
      fc.constant(rows),
      floatsFor(rows, fc.oneof(fc.constantFrom(0, 1), fc.double({ min: 0, max: 4, noNaN: true }))),
    ),
  );
  fc.assert(
    fc.property(
      entropies,
      fc.oneof(fc.constantFrom(0, 1), fc.double({ min: 0, max: 1, noNaN: true })),
      ([rows, values], quantile) => {
        const ours = highEntropyMask(values, rows, { quantile });
        expect(ours).toEqual(highEntropyMaskReference(values, rows.mask, quantile));
      },
    ),
  );
  fc.assert(
    fc.property(pairs, fc.boolean(), ({ rows, ours, theirs, advantages }, isCorrected) => {
      const options = isCorrected ? { kPositive: 1.5, rolloutWeights: theirs.map((x) => Math.exp(x)) } : {};
      const expected = gammaWeightsReference(ours, theirs, advantages, rows, options);
      expectWithin(gammaWeights(ours, theirs, advantages, rows, options), expected, (t) => 1e-6 * (1 + expected[t]!));
    }),
  );
  const rows = { mask: Uint8Array.of(1), offsets: Int32Array.of(0, 1) };
  expect(() => highEntropyMask(new Float32Array(1), rows, { quantile: 2 })).toThrow('expected quantile to be in 0..1');
  expect(() =>
    gammaWeights(new Float32Array(1), new Float32Array(1), new Float32Array(1), rows, { kPositive: 0 }),
  ).toThrow('expected kPositive to be finite and > 0');
  expect(() =>
    offPolicyMask(new Float32Array(1), new Float32Array(1), new Float32Array(1), rows, { threshold: Number.NaN }),
  ).toThrow('expected threshold to be finite');
});
