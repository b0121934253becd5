import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  bestOfGroupAdvantages,
  groupAdvantages,
  lengthBaselineAdvantages,
  partAdvantages,
  reinforceBaselineAdvantages,
  remaxAdvantages,
  standardize,
} from './index.js';
import { expectWithin } from './kernel-laws.testing.js';
import {
  bestOfGroupReference,
  groupAdvantagesReference,
  lengthBaselineReference,
  partAdvantagesReference,
  standardizeReference,
} from './reference/index.js';

const reward = fc.oneof(fc.constantFrom(0, 0.35, 1), fc.double({ min: -10, max: 10, noNaN: true }));
const rewardsOf = (each: fc.Arbitrary<number>) =>
  fc.array(fc.tuple(each, fc.integer({ min: 0, max: 3 }), fc.nat(40)), { maxLength: 40 }).map((rows) => ({
    rewards: Float64Array.from(rows, ([r]) => r),
    groupIds: Int32Array.from(rows, ([, id]) => id),
    lengths: Float64Array.from(rows, ([, , length]) => length),
  }));
// Rounding of a mean of up to 40 rewards of up to 10; where a deviation divides it, it is at least that of one reward apart.
const rounding = 40 * 10 * 2 ** -52;
const scaled = (expected: number) => rounding * 1e6 * (1 + Math.abs(expected));

describe('options of groupAdvantages', () => {
  const options = fc.record(
    {
      estimator: fc.constant('grpo' as const),
      epsilon: fc.constantFrom(1e-6, 1e-4, 1),
      deviation: fc.constantFrom('sample', 'population'),
      spread: fc.constantFrom('group', 'batch'),
      singleton: fc.constantFrom('zero', 'reward'),
      missing: fc.constant('leave_out' as const),
    },
    { requiredKeys: ['estimator'] },
  );

  test('agree with the reference, rows that were not scored among them', () => {
    fc.assert(
      fc.property(rewardsOf(fc.oneof(reward, fc.constant(Number.NaN))), options, ({ rewards, groupIds }, chosen) => {
        const all = { ...chosen, missing: 'leave_out' } as const;
        const expected = groupAdvantagesReference(rewards, groupIds, all);
        expectWithin(groupAdvantages(rewards, groupIds, all), expected, (row) => scaled(expected[row]!));
      }),
    );
  });

  test('a row that was not scored changes no other and gets 0', () => {
    const out = groupAdvantages([1, Number.NaN, 3, 7], Int32Array.of(0, 0, 0, 1), {
      estimator: 'rloo',
      missing: 'leave_out',
    });
    expect([...out]).toEqual([-2, 0, 2, 0]);
    expect(() =>
      groupAdvantages([1, Number.NaN, Number.POSITIVE_INFINITY], new Int32Array(3), {
        estimator: 'rloo',
        missing: 'leave_out',
      }),
    ).toThrow('received Infinity at index 2');
    expect(() => groupAdvantages([Number.NaN], new Int32Array(1), { estimator: 'rloo' })).toThrow(
      'received NaN at index 0',
    );
  });

  test('options without effect, and unknown ones, are refused', () => {
    expect(() => groupAdvantages([1], new Int32Array(1), { estimator: 'dr_grpo', deviation: 'sample' })).toThrow(
      'expected no deviation with estimator dr_grpo',
    );
    expect(() => groupAdvantages([1], new Int32Array(1), { estimator: 'rloo', spread: 'batch' })).toThrow(
      'expected no spread',
    );
    expect(() => groupAdvantages([1], new Int32Array(1), { estimator: 'grpo', singleton: 'one' as 'zero' })).toThrow(
      'expected singleton to be one of zero, reward, received one',
    );
  });
});

describe('other baselines', () => {
  test('lengthBaselineAdvantages agrees with the reference', () => {
    fc.assert(
      fc.property(rewardsOf(reward), fc.constantFrom('zero', 'reward'), ({ rewards, groupIds, lengths }, singleton) => {
        const expected = lengthBaselineReference(rewards, lengths, groupIds, { singleton });
        expectWithin(
          lengthBaselineAdvantages(rewards, lengths, groupIds, { singleton }),
          expected,
          () => 40 * rounding,
        );
      }),
    );
    expect(() => lengthBaselineAdvantages([1, 2], [1, -1], new Int32Array(2))).toThrow('received -1 at index 1');
  });

  test('bestOfGroupAdvantages agrees with the reference', () => {
    fc.assert(
      fc.property(rewardsOf(reward), fc.boolean(), ({ rewards, groupIds }, scale) => {
        const expected = bestOfGroupReference(rewards, groupIds, { scale });
        expectWithin(bestOfGroupAdvantages(rewards, groupIds, { scale }), expected, (row) => scaled(expected[row]!));
      }),
    );
    expect(() => bestOfGroupAdvantages([1], new Int32Array(1), { scale: false, epsilon: 1 })).toThrow(
      'expected no epsilon',
    );
  });

  test('partAdvantages and standardize agree with the references', () => {
    const part = fc.oneof(reward, fc.constant(Number.NaN));
    const batch = fc.integer({ min: 1, max: 3 }).chain((kinds) =>
      fc.record({
        weights: fc.array(fc.double({ min: -2, max: 2, noNaN: true }), { minLength: kinds, maxLength: kinds }),
        rows: fc.array(
          fc.tuple(fc.array(part, { minLength: kinds, maxLength: kinds }), fc.integer({ min: 0, max: 2 })),
          {
            maxLength: 20,
          },
        ),
        scale: fc.boolean(),
      }),
    );
    fc.assert(
      fc.property(batch, ({ weights, rows, scale }) => {
        const parts = rows.flatMap(([values]) => values);
        const groupIds = Int32Array.from(rows, ([, id]) => id);
        const expected = partAdvantagesReference(parts, groupIds, { weights, scale });
        const ours = partAdvantages(parts, groupIds, { weights, scale });
        for (const [row, value] of ours.entries()) {
          if (Number.isNaN(expected[row])) expect(value).toBeNaN();
          else expect(Math.abs(value - expected[row]!)).toBeLessThanOrEqual(6 * scaled(expected[row]!));
        }
        const even = standardizeReference(ours);
        expectWithin(standardize(ours), even, (row) => scaled(even[row]!));
      }),
    );
    expect(() => partAdvantages([1, 2, 3], new Int32Array(2), { weights: [1] })).toThrow(
      'rows * kinds = 2 * 1, received 3',
    );
    expect(() => standardize([1, Number.POSITIVE_INFINITY])).toThrow('received Infinity at index 1');
  });
});

describe('REINFORCE with baselines', () => {
  const rows = { mask: Uint8Array.of(1, 0, 1, 1), offsets: Int32Array.of(0, 3, 4) };

  test('the group mean is taken before whitening over tokens', () => {
    // Centred 1 and -1, over three sampled tokens: mean 1/3, sample variance 4/3.
    const out = reinforceBaselineAdvantages([3, 1], Int32Array.of(5, 5), rows, { epsilon: 0 });
    const expected = [2 / 3, 0, 2 / 3, -4 / 3].map((x) => x / Math.sqrt(4 / 3));
    expectWithin(out, expected, () => 1e-7);
    const alone = reinforceBaselineAdvantages([3, 1], Int32Array.of(5, 6), rows);
    expect(alone.every((x) => x === 0)).toBe(true);
  });

  test('ReMax takes the greedy reward off the return', () => {
    const { advantages, returns } = remaxAdvantages(Float32Array.of(1, 0, 2, 4), [0.5, 5], rows);
    expect([...returns]).toEqual([3, 0, 2, 4]);
    expect([...advantages]).toEqual([2.5, 0, 1.5, -1]);
    expect(() => remaxAdvantages(new Float32Array(4), [1], rows)).toThrow(
      'expected baselines.length to be the number of rows 2',
    );
  });
});
