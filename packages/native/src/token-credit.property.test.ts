import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  broadcastToSampled,
  discountedReturns,
  generalizedAdvantages,
  groupAdvantages,
  groupTokenAdvantages,
  maskedStatistics,
  reinforcePlusPlus,
  type TokenRows,
  tokenRewardSums,
  whiten,
} from './index.js';
import { expectSameOnAnyThreads, expectWithin, onEveryIsa } from './kernel-laws.testing.js';
import {
  broadcastToSampledReference,
  discountedReturnsReference,
  generalizedAdvantagesReference,
  whitenReference,
} from './reference/index.js';
import { floatsFor, ordinary, type SampledRows, sampledRows, withoutMasked } from './rows.testing.js';

const unit = fc.oneof(fc.constantFrom(0, 1), fc.double({ min: 0, max: 1, noNaN: true }));

/** Rows with rewards (none outside the mask) and values. */
const credited = sampledRows().chain((sampled) =>
  fc.record({
    sampled: fc.constant(sampled),
    rewards: floatsFor(sampled.rows, ordinary).map((rewards) => withoutMasked(rewards, sampled.rows, 0)),
    values: floatsFor(sampled.rows, ordinary),
  }),
);

/** Largest sum of |rewards| and |values| over a row: what a return can be made of. */
function magnitude({ rows, lengths }: SampledRows, ...arrays: readonly Float32Array[]): number {
  const sums = lengths.map((length, row) => {
    const begin = rows.offsets[row]!;
    return arrays
      .flatMap((array) => [...array.subarray(begin, begin + length)])
      .reduce((sum, x) => sum + Math.abs(x), 0);
  });
  return Math.max(1, ...sums);
}

describe('discountedReturns and generalizedAdvantages', () => {
  test('agree with the references', () => {
    fc.assert(
      fc.property(credited, unit, unit, ({ sampled, rewards, values }, gamma, lambda) => {
        const { rows } = sampled;
        // Float64 inside, one rounding to float32 at the end.
        const tolerance = 2 ** -23 * 3 * magnitude(sampled, rewards, values);
        const returns = discountedReturns(rewards, rows, { gamma });
        expectWithin(returns, discountedReturnsReference(rewards, rows, { gamma }), () => tolerance);
        const options = { gamma, lambda, whiten: false };
        const ours = generalizedAdvantages(rewards, values, rows, options);
        const reference = generalizedAdvantagesReference(rewards, values, rows, options);
        expectWithin(ours.advantages, reference.advantages, () => tolerance);
        expectWithin(ours.returns, reference.returns, () => tolerance);
      }),
    );
  });

  test('what stands outside the mask has no influence, and gets 0', () => {
    fc.assert(
      fc.property(credited, unit, unit, ({ sampled: { rows }, rewards, values }, gamma, lambda) => {
        const before = generalizedAdvantages(rewards, values, rows, { gamma, lambda });
        const after = generalizedAdvantages(rewards, withoutMasked(values, rows, Number.NaN), rows, { gamma, lambda });
        expect(after).toEqual(before);
        for (const [t, flag] of rows.mask.entries()) {
          if (flag === 0) expect([before.advantages[t], before.returns[t]]).toEqual([0, 0]);
        }
      }),
    );
  });

  test('observations between two turns change nothing', () => {
    fc.assert(
      fc.property(credited, unit, unit, fc.nat(5), ({ sampled: { rows }, rewards, values }, gamma, lambda, gap) => {
        const spread = spreadApart(rows, gap);
        const options = { gamma, lambda, whiten: false };
        const before = generalizedAdvantages(rewards, values, rows, options);
        const after = generalizedAdvantages(spread.place(rewards), spread.place(values), spread.rows, options);
        expect(spread.pick(after.advantages)).toEqual(before.advantages);
        expect(spread.pick(after.returns)).toEqual(before.returns);
      }),
    );
  });

  test('lambda 1 gives returns that are the discounted rewards', () => {
    fc.assert(
      fc.property(credited, unit, ({ sampled, rewards, values }, gamma) => {
        const { returns } = generalizedAdvantages(rewards, values, sampled.rows, { gamma, lambda: 1 });
        const tolerance = 2 ** -23 * 3 * magnitude(sampled, rewards, values);
        expectWithin(returns, discountedReturns(rewards, sampled.rows, { gamma }), () => tolerance);
      }),
    );
  });

  test('a reward outside the mask, and a number that is not finite, are named', () => {
    const rows = { mask: Uint8Array.of(1, 0, 1), offsets: Int32Array.of(0, 3) };
    const values = new Float32Array(3);
    expect(() => discountedReturns(Float32Array.of(0, 2, 0), rows)).toThrow(
      'expected rewards on sampled tokens only, received 2 at index 1, where mask is 0',
    );
    expect(() => generalizedAdvantages(Float32Array.of(0, 2, 0), values, rows)).toThrow('received 2 at index 1');
    expect(() => tokenRewardSums(Float32Array.of(0, 2, 0), rows)).toThrow('received 2 at index 1');
    expect(() => discountedReturns(Float32Array.of(0, 0, Number.NaN), rows)).toThrow(
      'expected finite rewards, received NaN at index 2',
    );
    expect(() => generalizedAdvantages(values, Float32Array.of(0, 0, Number.POSITIVE_INFINITY), rows)).toThrow(
      'expected finite values, received Infinity at index 2',
    );
    expect(() => discountedReturns(values, rows, { gamma: 1.5 })).toThrow('expected gamma to be in 0..1');
    expect(() => generalizedAdvantages(values, values, rows, { lambda: -1 })).toThrow('expected lambda to be in 0..1');
    expect(() => discountedReturns(new Float32Array(2), rows)).toThrow('expected rewards.length to be mask.length 3');
  });
});

describe('whiten', () => {
  const valued = sampledRows().chain(({ rows }) =>
    fc.tuple(
      fc.constant(rows),
      floatsFor(rows, fc.oneof(ordinary, fc.double({ min: 1e6, max: 1e6 + 4, noNaN: true }))),
    ),
  );
  const options = fc.record({
    epsilon: fc.constantFrom(0, 1e-8, 1e-4, 1),
    variance: fc.constantFrom('sample', 'population'),
    shiftMean: fc.boolean(),
  } as const);

  test('agrees with the reference on every instruction set', () => {
    fc.assert(
      fc.property(valued, options, ([rows, values], chosen) => {
        const reference = whitenReference(values, rows.mask, chosen);
        const sampled = values.filter((_, t) => rows.mask[t] === 1);
        const spread = Math.max(0, ...sampled) - Math.min(0, ...sampled);
        const { sampleVariance } = maskedStatistics(values, rows.mask);
        // The mean in float64 is off by about 2^-52 of the largest value per value; scaling and storing add 2^-22 relative.
        const divisor = Math.sqrt(sampleVariance + chosen.epsilon);
        const residue = divisor === 0 ? 0 : (sampled.length * 2 ** -50 * Math.max(1, spread)) / divisor;
        onEveryIsa(() => {
          const ours = whiten(values, rows.mask, chosen);
          expectWithin(ours, reference, (t) => 2 ** -22 * (Math.abs(reference[t]!) + 1) + residue);
        });
      }),
    );
  });

  test('equal values, one value and none give exact zeros', () => {
    fc.assert(
      fc.property(sampledRows(), fc.float({ noNaN: true, noDefaultInfinity: true }), ({ rows }, value) => {
        const out = whiten(new Float32Array(rows.mask.length).fill(value), rows.mask);
        expect(out.every((each) => each === 0)).toBe(true);
      }),
    );
  });

  test('a sampled value that is not finite is named, one outside the mask is not read', () => {
    const values = Float32Array.of(1, Number.NaN, 3, Number.NEGATIVE_INFINITY);
    expect(() => whiten(values, Uint8Array.of(1, 0, 1, 1))).toThrow(
      'expected finite values, received -Infinity at index 3',
    );
    expect([...whiten(values, Uint8Array.of(1, 0, 1, 0), { epsilon: 2 })]).toEqual([-0.5, 0, 0.5, 0]);
    expect(() => whiten(values, Uint8Array.of(1, 0, 1, 0), { epsilon: -1 })).toThrow('received -1');
    expect(() => whiten(values, new Uint8Array(3))).toThrow('expected mask.length to be values.length 4, received 3');
  });

  test('the thread count changes no bit', () => {
    const values = Float32Array.from({ length: 50_001 }, (_, i) => Math.sin(i * i));
    const mask = Uint8Array.from(values, (_, i) => (i % 3 === 0 ? 0 : 1));
    expectSameOnAnyThreads(() => [whiten(values, mask)]);
  });
});

describe('tokenRewardSums and broadcastToSampled', () => {
  test('agree with adding up and with one token at a time, on every instruction set', () => {
    fc.assert(
      fc.property(credited, ({ sampled: { rows, lengths }, rewards }) => {
        onEveryIsa(() => {
          const sums = tokenRewardSums(rewards, rows);
          for (const [row, length] of lengths.entries()) {
            const own = rewards.subarray(rows.offsets[row], rows.offsets[row]! + length);
            const sum = own.reduce((total, reward) => total + reward, 0);
            expect(Math.abs(sums[row]! - sum)).toBeLessThanOrEqual(length * 8 * length * 2 ** -52);
          }
          expect([...broadcastToSampled(sums, rows)]).toEqual(
            [...broadcastToSampledReference(sums, rows)].map(Math.fround),
          );
        });
      }),
    );
  });
});

describe('groupTokenAdvantages', () => {
  const options = fc.oneof(
    fc.record({ estimator: fc.constantFrom('rloo' as const, 'dr_grpo' as const) }),
    fc.record({
      estimator: fc.constant('grpo' as const),
      deviation: fc.constantFrom('sample' as const, 'population' as const),
      spread: fc.constantFrom('group' as const, 'batch' as const),
      singleton: fc.constantFrom('zero' as const, 'reward' as const),
    }),
  );

  test('gives the bits of the three functions that it is made of, few groups or many, in any order', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 90 }),
        fc.integer({ min: 1, max: 60 }),
        fc.boolean(),
        fc.nat(1000),
        options,
        (count, groups, isSorted, seed, chosen) => {
          const lengths = Array.from({ length: count }, (_, row) => 1 + ((row * 7 + seed) % 40));
          const offsets = Int32Array.from([
            0,
            ...lengths.map(
              (
                (sum) => (length) =>
                  (sum += length)
              )(0),
            ),
          ]);
          const mask = Uint8Array.from({ length: offsets[count]! }, (_, t) => Number((t * 13 + seed) % 5 > 0));
          const rewards = Float32Array.from(mask, (sampled, t) => (sampled && t % 3 === 0 ? Math.sin(t + seed) : 0));
          const ids = Int32Array.from(lengths, (_, row) => ((row * 31 + seed) % groups) - 5);
          if (isSorted) ids.sort();
          const rows = { mask, offsets };
          const expected = broadcastToSampled(groupAdvantages(tokenRewardSums(rewards, rows), ids, chosen), rows);
          const out = new Float32Array(mask.length).fill(7);
          expectSameOnAnyThreads(() => [groupTokenAdvantages(rewards, rows, ids, chosen)]);
          expect(groupTokenAdvantages(rewards, rows, ids, chosen, out)).toBe(out);
          expect(out).toEqual(expected);
        },
      ),
    );
  });

  test('refuses what they refuse, with their words', () => {
    const rows = { mask: Uint8Array.of(1, 0, 1, 1), offsets: Int32Array.of(0, 2, 4) };
    const ids = Int32Array.of(0, 0);
    const rloo = { estimator: 'rloo' } as const;
    expect(() => groupTokenAdvantages(Float32Array.of(0, 2, 0, 0), rows, ids, rloo)).toThrow('received 2 at index 1');
    expect(() => groupTokenAdvantages(Float32Array.of(0, 0, Number.NaN, 0), rows, ids, rloo)).toThrow(
      'received NaN at index 1',
    );
    expect(() => groupTokenAdvantages(new Float32Array(4), rows, Int32Array.of(0), rloo)).toThrow(/number of rows 2/);
    expect(() => groupTokenAdvantages(new Float32Array(3), rows, ids, rloo)).toThrow(/rewards.length/);
    expect(() => groupTokenAdvantages(new Float32Array(4), rows, ids, { ...rloo, epsilon: 1 })).toThrow(/no epsilon/);
    const scored = groupTokenAdvantages(Float32Array.of(Number.NaN, 0, 1, 1), rows, ids, {
      ...rloo,
      missing: 'leave_out',
    });
    expect([...scored]).toEqual([0, 0, 0, 0]);
    const many = { mask: new Uint8Array(64).fill(1), offsets: Int32Array.from({ length: 65 }, (_, row) => row) };
    const rewards = new Float32Array(64).fill(Number.POSITIVE_INFINITY, 40, 41);
    const pairs = Int32Array.from({ length: 64 }, (_, row) => row >> 1);
    expect(() => groupTokenAdvantages(rewards, many, pairs, rloo)).toThrow('received Infinity at index 40');
    rewards[13] = Number.NaN; // of the first row there is to say, in whatever order groups are taken
    const descending = pairs.map((id) => -id);
    for (const ids of [pairs, descending]) {
      expect(() => groupTokenAdvantages(rewards, many, ids, rloo)).toThrow('received NaN at index 13');
    }
  });
});

test('reinforcePlusPlus credits every turn, not only the last', () => {
  // Two turns with an observation between them; the only reward stands at the end of the second.
  const rows = { mask: Uint8Array.of(1, 1, 0, 0, 1, 1, 1), offsets: Int32Array.of(0, 5, 7) };
  const { returns, advantages } = reinforcePlusPlus(Float32Array.of(0, 0, 0, 0, 1, 0, -1), rows);
  expect([...returns]).toEqual([1, 1, 0, 0, 1, -1, -1]);
  // Mean 1/5, sample variance 1.2.
  expect(advantages[0]).toBeCloseTo(0.8 / Math.sqrt(1.2), 6);
  expect(advantages[5]).toBeCloseTo(-1.2 / Math.sqrt(1.2), 6);
});

/** The same rows with `gap` observations before each sampled token. */
function spreadApart({ mask, offsets }: TokenRows, gap: number) {
  const mask2: number[] = [];
  const offsets2 = [0];
  const places: number[] = [];
  for (let row = 0; row + 1 < offsets.length; row++) {
    for (let t = offsets[row]!; t < offsets[row + 1]!; t++) {
      if (mask[t] === 1) mask2.push(...Array<number>(gap).fill(0));
      places.push(mask2.length);
      mask2.push(mask[t]!);
    }
    offsets2.push(mask2.length);
  }
  return {
    rows: { mask: Uint8Array.from(mask2), offsets: Int32Array.from(offsets2) },
    place: (values: Float32Array): Float32Array => {
      const out = new Float32Array(mask2.length);
      for (const [t, place] of places.entries()) out[place] = values[t]!;
      return out;
    },
    pick: (values: Float32Array): Float32Array => Float32Array.from(places, (place) => values[place]!),
  };
}
