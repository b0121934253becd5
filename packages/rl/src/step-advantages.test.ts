import { groupAdvantages } from '@parl-mt/native';
import type { Trajectory } from '@parl-mt/schema';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type RewardedTrajectory, stepAdvantages } from './step-advantages.js';

/** A trajectory with `stepsPerTurn[t]` steps in turn t. */
function rewarded(
  groupId: number,
  turnRewards: readonly number[],
  stepsPerTurn = turnRewards.map(() => 2),
): RewardedTrajectory {
  const steps = stepsPerTurn.flatMap((count, turn) => Array.from({ length: count }, () => ({ turn })));
  const total = turnRewards.reduce((sum, reward) => sum + reward, 0);
  return { turnRewards, trajectory: { groupId, steps, reward: { total } } as unknown as Trajectory };
}

test('credit by trajectory: every step has the advantage of the total', () => {
  const group = [rewarded(0, [0.5, 0.5]), rewarded(0, [0.5, 0])];
  // RLOO of (1, 0.5): n/(n-1) (r - mean) = 2 * (+-0.25).
  expect(stepAdvantages(group, { kind: 'trajectory' }, 'rloo').map((values) => [...values])).toEqual([
    [0.5, 0.5, 0.5, 0.5],
    [-0.5, -0.5, -0.5, -0.5],
  ]);
});

test('credit by turn: a turn that all pass alike has exactly no signal, the failed turn has it all', () => {
  const group = [rewarded(0, [0.5, 0.5]), rewarded(0, [0.5, 0])];
  expect(stepAdvantages(group, { kind: 'turn', discount: 0 }, 'rloo').map((values) => [...values])).toEqual([
    [0, 0, 0.5, 0.5],
    [0, 0, -0.5, -0.5],
  ]);
});

test('with a discount an earlier turn answers for a later one', () => {
  const group = [rewarded(0, [0.5, 0.5]), rewarded(0, [0.5, 0])];
  // Returns of turn 0: 0.5 + 0.5 * 0.5 and 0.5; RLOO of (0.75, 0.5): 2 * (+-0.125).
  expect([...stepAdvantages(group, { kind: 'turn', discount: 0.5 }, 'rloo')[0]!]).toEqual([0.25, 0.25, 0.5, 0.5]);
});

test('a turn that an episode never reached counts as nothing earned: stopping early has no better baseline', () => {
  const group = [rewarded(0, [0.5, 0.5]), rewarded(0, [0.5, 0], [2, 0])];
  expect(stepAdvantages(group, { kind: 'turn', discount: 0 }, 'rloo').map((values) => [...values])).toEqual([
    [0, 0, 0.5, 0.5],
    [0, 0],
  ]);
});

const reward = fc.double({ min: -1, max: 1, noNaN: true });
const groups = fc
  .tuple(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 3 }))
  .chain(([turns, count]) =>
    fc.array(fc.array(fc.array(reward, { minLength: turns, maxLength: turns }), { minLength: 2, maxLength: 5 }), {
      minLength: count,
      maxLength: count,
    }),
  )
  .map((drawn) => drawn.flatMap((members, groupId) => members.map((turnRewards) => rewarded(groupId, turnRewards))));

test('with discount 1 the first turn is credited with the total, as a whole trajectory is', () => {
  fc.assert(
    fc.property(groups, fc.constantFrom('grpo', 'dr_grpo', 'rloo'), (trajectories, estimator) => {
      const byTurn = stepAdvantages(trajectories, { kind: 'turn', discount: 1 }, estimator);
      const totals = trajectories.map(({ turnRewards }) => turnRewards.reduceRight((sum, value) => value + sum, 0));
      const expected = groupAdvantages(
        Float64Array.from(totals),
        Int32Array.from(trajectories, ({ trajectory }) => trajectory.groupId),
        { estimator },
      );
      byTurn.forEach((values, index) => {
        expect(values[0]).toBeCloseTo(expected[index]!, 9);
      });
    }),
  );
});

test('the groups of other tasks change nothing', () => {
  fc.assert(
    fc.property(groups, fc.double({ min: 0, max: 1, noNaN: true }), (trajectories, discount) => {
      const credit = { kind: 'turn', discount } as const;
      const together = stepAdvantages(trajectories, credit, 'rloo');
      const first = trajectories.filter(({ trajectory }) => trajectory.groupId === 0);
      expect(stepAdvantages(first, credit, 'rloo')).toEqual(together.slice(0, first.length));
    }),
  );
});
