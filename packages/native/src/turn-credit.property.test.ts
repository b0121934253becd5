import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { stepGroupAdvantages, turnLevelAdvantages } from './index.js';
import { expectWithin } from './kernel-laws.testing.js';
import { stepGroupAdvantagesReference, turnLevelAdvantagesReference } from './reference/index.js';
import { sampledRows } from './rows.testing.js';

const reward = fc.oneof(fc.constantFrom(0, 1, 0.35), fc.double({ min: -5, max: 5, noNaN: true }));

describe('turnLevelAdvantages', () => {
  const batch = sampledRows().chain(({ rows, lengths }) =>
    fc.record({
      rows: fc.constant(rows),
      outcome: fc.tuple(...lengths.map(() => reward)),
      turn: fc.tuple(...lengths.map(() => reward)),
      groupIds: fc.tuple(...lengths.map(() => fc.integer({ min: 0, max: 1 }))),
      boundary: fc.tuple(...lengths.map((length) => fc.nat(length))),
      weight: fc.constantFrom(0, 1, 0.5),
    }),
  );

  test('agrees with the reference', () => {
    fc.assert(
      fc.property(batch, ({ rows, outcome, turn, groupIds, boundary, weight }) => {
        const ids = Int32Array.from(groupIds);
        const bounds = Int32Array.from(boundary);
        const expected = turnLevelAdvantagesReference(outcome, turn, ids, bounds, rows, { weight });
        const ours = turnLevelAdvantages(outcome, turn, ids, bounds, rows, { weight });
        // Rounding of a mean of up to 9 rewards of up to 5, over a deviation of at least 1e-4, and float32 at the end.
        expectWithin(ours, expected, (t) => 9 * 5 * 2 ** -52 * 1e4 + 2 ** -22 * Math.abs(expected[t]!));
      }),
    );
  });

  test('the tokens of later turns get the outcome alone', () => {
    // Outcomes 0 and 2, turn rewards 2 and 0: normalised -+1/sqrt 2 and +-1/sqrt 2.
    const rows = { mask: Uint8Array.of(1, 1, 0, 1, 1, 0, 1), offsets: Int32Array.of(0, 4, 7) };
    const out = turnLevelAdvantages([0, 2], [2, 0], Int32Array.of(0, 0), Int32Array.of(2, 1), rows, {
      epsilon: 0,
      weight: 3,
    });
    const unit = 1 / Math.sqrt(2);
    expectWithin(out, [2 * unit, 2 * unit, 0, -unit, -2 * unit, 0, unit], () => 1e-6);
    expect(() => turnLevelAdvantages([0, 2], [2, 0], Int32Array.of(0, 0), Int32Array.of(2, 9), rows)).toThrow(
      'expected boundary[1] to lie in its row, received 9',
    );
  });
});

describe('stepGroupAdvantages', () => {
  const episode = fc.record({
    reward,
    group: fc.integer({ min: 0, max: 1 }),
    steps: fc.array(fc.tuple(reward, fc.bigInt({ min: 0n, max: 2n })), { maxLength: 5 }),
  });

  test('agrees with the reference', () => {
    const options = fc.record({
      gamma: fc.constantFrom(0, 0.95, 1),
      weight: fc.constantFrom(0, 1, 2),
      scale: fc.boolean(),
      average: fc.constantFrom('trajectories', 'steps'),
    } as const);
    fc.assert(
      fc.property(fc.array(episode, { maxLength: 8 }), options, (episodes, chosen) => {
        const stepOffsets = new Int32Array(episodes.length + 1);
        for (const [t, { steps }] of episodes.entries()) stepOffsets[t + 1] = stepOffsets[t]! + steps.length;
        const all = episodes.flatMap(({ steps }) => steps);
        const steps = {
          stepOffsets,
          stepRewards: Float64Array.from(all, ([value]) => value),
          anchors: BigUint64Array.from(all, ([, anchor]) => anchor),
        };
        const rewards = episodes.map(({ reward: value }) => value);
        const groupIds = Int32Array.from(episodes, ({ group }) => group);
        const expected = stepGroupAdvantagesReference(rewards, groupIds, steps, chosen);
        const ours = stepGroupAdvantages(rewards, groupIds, steps, chosen);
        // Discounted sums that tie in exact arithmetic may differ by a rounding, which epsilon keeps to some 1e-9.
        expectWithin(ours, expected, (s) => 1e-7 * (1 + Math.abs(expected[s]!)));
      }),
    );
  });

  test('long episodes weigh more where steps are averaged, as the reference does', () => {
    const steps = {
      stepOffsets: Int32Array.of(0, 3, 4),
      stepRewards: new Float64Array(4),
      anchors: BigUint64Array.of(1n, 2n, 3n, 4n),
    };
    const run = (average: 'trajectories' | 'steps') => [
      ...stepGroupAdvantages([4, 0], Int32Array.of(0, 0), steps, { scale: false, average }),
    ];
    expect(run('trajectories')).toEqual([2, 2, 2, -2]);
    expect(run('steps')).toEqual([1, 1, 1, -3]);
  });
});
