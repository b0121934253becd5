import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type GramCounting,
  lcsLengths,
  nativeInfo,
  ngramContainment,
  rougeL,
  setThreads,
  tokenBatch,
} from './index.js';
import { lcsLengthReference, ngramContainmentReference } from './reference/index.js';

/** Few distinct tokens, so that matches are common, and lengths around the 64-bit word. */
const sequence = fc.oneof(
  fc.array(fc.integer({ min: -1, max: 3 }), { maxLength: 200 }),
  fc.array(fc.integer({ min: -1, max: 3 }), { minLength: 60, maxLength: 70 }),
  fc.array(fc.integer(), { maxLength: 20 }),
);
const pairs = fc.array(fc.tuple(sequence, sequence), { maxLength: 8 });
const counting = fc.constantFrom<GramCounting>('positions', 'distinct', 'multiset');

function batches(list: readonly (readonly [readonly number[], readonly number[]])[]) {
  return [tokenBatch(list.map(([a]) => a)), tokenBatch(list.map(([, b]) => b))] as const;
}

describe('lcsLengths', () => {
  test('agrees with the full table', () => {
    fc.assert(
      fc.property(pairs, (list) => {
        const [a, b] = batches(list);
        expect([...lcsLengths(a, b)]).toEqual(list.map(([x, y]) => lcsLengthReference(x, y)));
      }),
    );
  });

  test('is symmetric, is the length for a subsequence, and grows by one with a common token at the end', () => {
    fc.assert(
      fc.property(sequence, sequence, fc.integer(), (a, b, token) => {
        const kept = a.filter((_, i) => (i * 7 + token) % 3 !== 0);
        const left = tokenBatch([a, b, a, [...a, token]]);
        const right = tokenBatch([b, a, kept, [...b, token]]);
        const [ab, ba, sub, longer] = lcsLengths(left, right);
        expect([ba, sub, longer]).toEqual([ab, kept.length, ab! + 1]);
      }),
    );
  });
});

describe('rougeL', () => {
  test('is the LCS over each length, and swaps precision and recall with its arguments', () => {
    fc.assert(
      fc.property(pairs, (list) => {
        const [a, b] = batches(list);
        const there = rougeL(a, b);
        const back = rougeL(b, a);
        for (const [s, [x, y]] of list.entries()) {
          const lcs = lcsLengthReference(x, y);
          expect(there.precision[s]).toBe(x.length === 0 ? 0 : lcs / x.length);
          expect(there.recall[s]).toBe(y.length === 0 ? 0 : lcs / y.length);
          // Dice form of the harmonic mean: 2 lcs / (|x| + |y|), within a few roundings.
          const dice = lcs === 0 ? 0 : (2 * lcs) / (x.length + y.length);
          expect(Math.abs(there.f[s]! - dice)).toBeLessThanOrEqual(4 * 2 ** -52);
        }
        expect(back.precision).toEqual(there.recall);
        expect(back.recall).toEqual(there.precision);
      }),
    );
  });
});

describe('ngramContainment', () => {
  test('agrees with maps of printed grams', () => {
    fc.assert(
      fc.property(pairs, fc.integer({ min: 1, max: 6 }), counting, (list, n, how) => {
        const [a, b] = batches(list);
        const expected = list.map(([x, y]) => ngramContainmentReference(x, y, n, how));
        expect([...ngramContainment(a, b, { n, counting: how })]).toEqual(expected);
      }),
    );
  });

  test('a piece of the reference is wholly contained, and more reference never lowers the share', () => {
    fc.assert(
      fc.property(sequence, sequence, fc.integer({ min: 1, max: 5 }), counting, (a, b, n, how) => {
        const [inside, before, after] = ngramContainment(
          tokenBatch([a, a, a]),
          tokenBatch([[...b, ...a], b, [...b, ...a]]),
          {
            n,
            counting: how,
          },
        );
        expect(inside).toBe(a.length < n ? 0 : 1);
        expect(after).toBeGreaterThanOrEqual(before!);
      }),
    );
  });

  test('an n beyond every length gives zeros, whatever its size', () => {
    const [a, b] = batches([[[1], [1]]]);
    expect([...ngramContainment(a, b, { n: Number.MAX_SAFE_INTEGER })]).toEqual([0]);
  });
});

test('the thread count changes no bit', () => {
  const { threads } = nativeInfo();
  try {
    fc.assert(
      fc.property(pairs, fc.integer({ min: 2, max: 7 }), (list, count) => {
        const [a, b] = batches(list);
        setThreads(1);
        const alone = [lcsLengths(a, b), rougeL(a, b), ngramContainment(a, b, { n: 2 })];
        setThreads(count);
        expect([lcsLengths(a, b), rougeL(a, b), ngramContainment(a, b, { n: 2 })]).toEqual(alone);
      }),
    );
  } finally {
    setThreads(threads);
  }
});
