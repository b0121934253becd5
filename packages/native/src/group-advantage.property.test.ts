import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type AdvantageEstimator, broadcastToTokens, groupAdvantages, nativeInfo, setThreads } from './index.js';
import { broadcastToTokensReference, groupAdvantagesReference } from './reference/index.js';

const estimators = fc.constantFrom<AdvantageEstimator>('grpo', 'dr_grpo', 'rloo');

/** Rows of (reward, group); rewards often tie, groups are of any size, singletons included. */
function rows(reward: fc.Arbitrary<number>): fc.Arbitrary<readonly (readonly [number, number])[]> {
  return fc.array(fc.tuple(reward, fc.oneof(fc.integer({ min: -2, max: 2 }), fc.integer())), { maxLength: 60 });
}
const ordinary = fc.oneof(fc.constantFrom(0, 0.35, 1, -1), fc.double({ min: -10, max: 10, noNaN: true }));
const anyMagnitude = fc.oneof(ordinary, fc.double({ min: -1e290, max: 1e290, noNaN: true }));

function split(pairs: readonly (readonly [number, number])[]): { rewards: Float64Array; groupIds: Int32Array } {
  return { rewards: Float64Array.from(pairs, ([r]) => r), groupIds: Int32Array.from(pairs, ([, g]) => g) };
}

describe('groupAdvantages', () => {
  test('agrees with the textbook formulas', () => {
    fc.assert(
      fc.property(rows(ordinary), estimators, (pairs, estimator) => {
        const { rewards, groupIds } = split(pairs);
        const native = groupAdvantages(rewards, groupIds, { estimator });
        const reference = groupAdvantagesReference(rewards, groupIds, { estimator });
        // Rounding of the mean, up to 60 rewards of up to 10, moves a deviation by 60 * 10 * 2^-52 at most; GRPO then
        // divides it by a deviation plus 1e-6.
        const rounding = 60 * 10 * 2 ** -52;
        for (const [row, value] of native.entries()) {
          const expected = reference[row]!;
          const tolerance = estimator === 'grpo' ? rounding * 1e6 * (1 + Math.abs(expected)) : 4 * rounding;
          expect(Math.abs(value - expected)).toBeLessThanOrEqual(tolerance);
        }
      }),
    );
  });

  test('permuting rows permutes the advantages, bit for bit', () => {
    const permuted = rows(anyMagnitude).chain((pairs) =>
      fc.tuple(fc.constant(pairs), fc.shuffledSubarray([...pairs.keys()], { minLength: pairs.length })),
    );
    fc.assert(
      fc.property(permuted, estimators, ([pairs, order], estimator) => {
        const before = split(pairs);
        const after = split(order.map((row) => pairs[row]!));
        const a = groupAdvantages(before.rewards, before.groupIds, { estimator });
        const b = groupAdvantages(after.rewards, after.groupIds, { estimator });
        expect([...b]).toEqual(order.map((row) => a[row]));
      }),
    );
  });

  test('a constant that rounds no reward changes no bit', () => {
    const integers = fc.integer({ min: -1000, max: 1000 });
    fc.assert(
      fc.property(rows(integers), fc.integer({ min: -1e9, max: 1e9 }), estimators, (pairs, constant, estimator) => {
        const { rewards, groupIds } = split(pairs);
        const moved = rewards.map((reward) => reward + constant);
        expect(groupAdvantages(moved, groupIds, { estimator })).toEqual(
          groupAdvantages(rewards, groupIds, { estimator }),
        );
      }),
    );
  });

  test('finite at every magnitude, zero-sum within rounding, zero for groups of one', () => {
    fc.assert(
      fc.property(rows(anyMagnitude), estimators, (pairs, estimator) => {
        const { rewards, groupIds } = split(pairs);
        const out = groupAdvantages(rewards, groupIds, { estimator });
        for (const id of new Set(groupIds)) {
          const values = [...out].filter((_, row) => groupIds[row] === id);
          expect(values.every(Number.isFinite)).toBe(true);
          if (values.length === 1) expect(values).toEqual([0]);
          const largest = Math.max(...values.map(Math.abs));
          const sum = values.reduce((total, value) => total + value, 0);
          // Each deviation is off by a rounding of the mean, relative, or near zero by half the smallest number, which
          // GRPO's epsilon then magnifies.
          const absolute = values.length ** 2 * (Number.MIN_VALUE / 1e-6);
          expect(Math.abs(sum)).toBeLessThanOrEqual(values.length ** 2 * 2 ** -50 * largest + absolute);
        }
      }),
    );
  });

  test('without epsilon the scale of the rewards does not matter', () => {
    fc.assert(
      fc.property(rows(fc.integer({ min: -50, max: 50 })), fc.integer({ min: -900, max: 900 }), (pairs, exponent) => {
        const { rewards, groupIds } = split(pairs);
        const scaled = rewards.map((reward) => reward * 2 ** exponent);
        const options = { estimator: 'grpo', epsilon: 0 } as const;
        expect(groupAdvantages(scaled, groupIds, options)).toEqual(groupAdvantages(rewards, groupIds, options));
      }),
    );
  });

  test('the thread count changes no bit', () => {
    const { threads } = nativeInfo();
    try {
      fc.assert(
        fc.property(rows(anyMagnitude), estimators, fc.integer({ min: 2, max: 7 }), (pairs, estimator, count) => {
          const { rewards, groupIds } = split(pairs);
          setThreads(1);
          const alone = groupAdvantages(rewards, groupIds, { estimator });
          setThreads(count);
          expect(groupAdvantages(rewards, groupIds, { estimator })).toEqual(alone);
        }),
      );
    } finally {
      setThreads(threads);
    }
  });

  test('the first unusable reward is named', () => {
    const bad = fc.constantFrom(Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 1e291);
    fc.assert(
      fc.property(
        fc.array(ordinary, { maxLength: 20 }),
        bad,
        fc.array(fc.double(), { maxLength: 5 }),
        (head, value, tail) => {
          const rewards = [...head, value, ...tail];
          expect(() => groupAdvantages(rewards, new Int32Array(rewards.length), { estimator: 'grpo' })).toThrow(
            `received ${value} at index ${head.length}`,
          );
        },
      ),
    );
  });
});

test('broadcastToTokens agrees with one token at a time', () => {
  const segments = fc.array(fc.tuple(fc.double(), fc.integer({ min: 0, max: 9 })), { maxLength: 30 });
  fc.assert(
    fc.property(segments, (pairs) => {
      const values = Float64Array.from(pairs, ([value]) => value);
      const offsets = new Int32Array(pairs.length + 1);
      for (const [s, [, length]] of pairs.entries()) offsets[s + 1] = offsets[s]! + length;
      expect(broadcastToTokens(values, offsets)).toEqual(broadcastToTokensReference(values, offsets));
    }),
  );
});
