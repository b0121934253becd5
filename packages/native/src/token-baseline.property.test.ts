import fc from 'fast-check';
import { expect, test } from 'vitest';
import { tokenBaselineAdvantages } from './index.js';
import { bits, expectSameOnAnyThreads, expectWithin } from './kernel-laws.testing.js';
import { tokenBaselineReference } from './reference/index.js';
import { floatsFor, sampledRows, withoutMasked } from './rows.testing.js';

const batches = sampledRows()
  .chain(({ rows }) =>
    fc.record({
      rows: fc.constant(rows),
      rewards: floatsFor(rows, fc.constantFrom(0, 0, 0, 1, -0.5)).map((values) => withoutMasked(values, rows, 0)),
      logprobs: floatsFor(
        rows,
        fc.integer({ min: -200, max: 0 }).map((k) => k / 64),
      ),
      squares: floatsFor(
        rows,
        fc.integer({ min: 1, max: 64 }).map((k) => k / 64),
      ),
      corrections: floatsFor(rows, fc.constantFrom(1, 0.5, 2)),
      groupIds: fc
        .array(fc.constantFrom(0, 1, -7), {
          minLength: rows.offsets.length - 1,
          maxLength: rows.offsets.length - 1,
        })
        .map((ids) => Int32Array.from(ids)),
    }),
  )
  // A distribution that holds a token of probability p has squares of p^2 at least: no weight is negative, and a baseline is a mean.
  .map((batch) => ({
    ...batch,
    squares: batch.squares.map((square, t) => Math.max(square, Math.exp(2 * batch.logprobs[t]!))),
  }));
const options = fc.record({
  singleton: fc.constantFrom('zero', 'return'),
  tail: fc.constantFrom('zero', 'return'),
  epsilon: fc.constantFrom(1e-8, 0.1),
} as const);

test('agrees with the reference, with and without a correction', () => {
  fc.assert(
    fc.property(batches, options, fc.boolean(), ({ rows, groupIds, corrections, ...rest }, chosen, isCorrected) => {
      const inputs = isCorrected ? { ...rest, corrections } : rest;
      const expected = tokenBaselineReference(inputs, rows, groupIds, chosen);
      const ours = tokenBaselineAdvantages(inputs, rows, groupIds, chosen);
      expectWithin(ours.returns, expected.returns, () => 1e-6 * 70);
      // Float32 results of float64 sums, relative to the returns that the baseline weighs.
      expectWithin(ours.advantages, expected.advantages, () => 1e-6 * 70);
    }),
  );
});

test('observations shift nothing: rows without them have the same advantages', () => {
  fc.assert(
    fc.property(batches, options, ({ rows, groupIds, corrections: _, ...inputs }, chosen) => {
      const kept = [...rows.mask.keys()].filter((t) => rows.mask[t] === 1);
      const packed = (values: Float32Array): Float32Array => Float32Array.from(kept, (t) => values[t]!);
      const offsets = Int32Array.from(rows.offsets, (offset) => kept.filter((t) => t < offset).length);
      const dense = tokenBaselineAdvantages(
        { rewards: packed(inputs.rewards), logprobs: packed(inputs.logprobs), squares: packed(inputs.squares) },
        { mask: new Uint8Array(kept.length).fill(1), offsets },
        groupIds,
        chosen,
      );
      const { advantages } = tokenBaselineAdvantages(inputs, rows, groupIds, chosen);
      expect(bits(packed(advantages))).toEqual(bits(dense.advantages));
      expect(advantages.every((advantage, t) => rows.mask[t] === 1 || advantage === 0)).toBe(true);
    }),
  );
});

test('a reward that all tokens of a group earn alike gives exactly 0', () => {
  fc.assert(
    fc.property(batches, ({ rows, groupIds, logprobs, squares }) => {
      const rewards = new Float32Array(rows.mask.length);
      for (let row = 0; row + 1 < rows.offsets.length; row += 1) {
        const last = rows.mask.lastIndexOf(1, rows.offsets[row + 1]! - 1);
        if (last >= rows.offsets[row]!) rewards[last] = 0.35;
      }
      const { advantages } = tokenBaselineAdvantages({ rewards, logprobs, squares }, rows, groupIds);
      expect(advantages.every((advantage) => advantage === 0)).toBe(true);
    }),
  );
});

test('the thread count changes no bit', () => {
  const n = 64 * 501;
  const rows = {
    mask: Uint8Array.from({ length: n }, (_, t) => (t % 5 === 2 ? 0 : 1)),
    offsets: Int32Array.from({ length: 65 }, (_, row) => row * 501),
  };
  const wave = (scale: number): Float32Array =>
    Float32Array.from({ length: n }, (_, t) => (rows.mask[t] === 1 ? scale * Math.sin(t * t) ** 2 : 0));
  const inputs = { rewards: wave(1), logprobs: wave(-3), squares: wave(1) };
  const groupIds = Int32Array.from({ length: 64 }, (_, row) => row % 8);
  expectSameOnAnyThreads(() => [tokenBaselineAdvantages(inputs, rows, groupIds).advantages]);
});

test('what cannot be used is named by its index', () => {
  const rows = { mask: Uint8Array.of(1, 0, 1), offsets: Int32Array.of(0, 3) };
  const flat = () => new Float32Array(3);
  const run = (changes: object, options = {}) =>
    tokenBaselineAdvantages(
      { rewards: flat(), logprobs: flat(), squares: flat(), ...changes },
      rows,
      Int32Array.of(0),
      options,
    );
  expect(() => run({ rewards: Float32Array.of(0, 1, 0) })).toThrow(/index 1/);
  expect(() => run({ squares: Float32Array.of(0, 0, Number.NaN) })).toThrow(
    'expected finite squares, received NaN at index 2',
  );
  expect(() => run({ rewards: Float32Array.of(0, 0, Number.POSITIVE_INFINITY) })).toThrow(
    'expected finite rewards, received Infinity at index 2',
  );
  expect(() => run({}, { epsilon: 0 })).toThrow('expected epsilon to be finite and > 0, received 0');
  expect(() => run({}, { tail: 'reward' })).toThrow('expected tail to be one of zero, return, received reward');
});
