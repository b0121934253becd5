import { groupAdvantages } from '@parl-mt/native';
import type { Trajectory } from '@parl-mt/schema';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type RewardedTrajectory, stepAdvantages } from './step-advantages.js';

/** A trajectory with `stepsPerTurn[t]` steps in turn t, each of `tokens` tokens and in a world that nothing changes. */
function rewarded(
  groupId: number,
  turnRewards: readonly number[],
  stepsPerTurn = turnRewards.map(() => 2),
  tokens = 3,
): RewardedTrajectory {
  const step = { completionTokens: new Array(tokens).fill(7), stateBefore: [], stateAfter: 'start' };
  const steps = stepsPerTurn.flatMap((count, turn) => Array.from({ length: count }, () => ({ ...step, turn })));
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

const advantagesOf = (...args: Parameters<typeof stepAdvantages>) =>
  stepAdvantages(...args).map((values) => [...values]);

test('OPO: the baseline weighs each trajectory by what it sampled', () => {
  const group = [rewarded(0, [1], [1], 6), rewarded(0, [0], [1], 2)];
  // Baseline (6 * 1 + 2 * 0) / 8 = 0.75.
  expect(advantagesOf(group, { kind: 'trajectory' }, 'opo')).toEqual([[0.25], [-0.75]]);
});

test('REINFORCE++: whitened over the tokens of the batch, whatever the group', () => {
  const batch = [rewarded(0, [1], [1], 1), rewarded(0, [1], [1], 1), rewarded(1, [0], [1], 2)];
  // Tokens 1, 1, 0, 0: mean 1/2, sample variance 1/3; a group of equal rewards has a signal here.
  const scale = 0.5 / Math.sqrt(1 / 3);
  const advantages = advantagesOf(batch, { kind: 'trajectory' }, 'reinforce_plus_plus');
  for (const [i, sign] of [1, 1, -1].entries()) expect(advantages[i]![0]).toBeCloseTo(sign * scale, 6);
});

test('REINFORCE++ credits every turn with what later turns earn', () => {
  const batch = [rewarded(0, [0, 1], [1, 1], 1), rewarded(0, [0, 0], [1, 1], 1)];
  const [first] = advantagesOf(batch, { kind: 'turn', discount: 1 }, 'reinforce_plus_plus');
  // Tokens 1, 1, 0, 0 again: the first turn is credited as the last one is.
  expect(first![0]).toBeCloseTo(0.5 / Math.sqrt(1 / 3), 6);
  expect(first![0]).toBe(first![1]);
});

test('REINFORCE++ with a baseline: a group of equal rewards has none, others are scaled over the batch', () => {
  const batch = [
    rewarded(0, [1], [1], 1),
    rewarded(0, [0], [1], 1),
    rewarded(1, [9], [1], 1),
    rewarded(1, [9], [1], 1),
  ];
  // Centred 1/2, -1/2, 0, 0: mean 0, sample variance (1/4 + 1/4) / 3.
  const scale = 0.5 / Math.sqrt(0.5 / 3);
  const advantages = advantagesOf(batch, { kind: 'trajectory' }, 'reinforce_plus_plus_baseline');
  for (const [i, factor] of [1, -1, 0, 0].entries()) expect(advantages[i]![0]).toBeCloseTo(factor * scale, 6);
});

test('ReMax: the baseline is the greedy rollout of the group, at the same turn', () => {
  const batch = [rewarded(0, [0.5, 0.5], [1, 1]), rewarded(1, [0, 0.25], [1, 1])];
  const greedy = [rewarded(0, [0.5, 0]), rewarded(1, [0.25, 0.25])];
  expect(advantagesOf(batch, { kind: 'trajectory' }, 'remax', greedy)).toEqual([
    [0.5, 0.5],
    [-0.25, -0.25],
  ]);
  expect(advantagesOf(batch, { kind: 'turn', discount: 0 }, 'remax', greedy)).toEqual([
    [0, 0.5],
    [-0.25, 0],
  ]);
  expect(() => stepAdvantages(batch, { kind: 'trajectory' }, 'remax', greedy.slice(1))).toThrow(
    'expected a greedy rollout of group 0, received none',
  );
});

test('MT-GRPO: the first turn has the advantage of its own reward beside that of the outcome', () => {
  const group = [rewarded(0, [1, 0], [1, 1]), rewarded(0, [0, 1], [2, 1])];
  // Outcomes are equal: no signal. Turn rewards 1 and 0: +-1/2 over their sample deviation, sqrt(1/2).
  const [first, second] = advantagesOf(group, { kind: 'mt_grpo', firstTurnWeight: 0.5 }, 'grpo');
  const turn = 0.5 * (0.5 / Math.sqrt(0.5));
  expect(first![0]).toBeCloseTo(turn, 5);
  expect(second![0]).toBeCloseTo(-turn, 5);
  expect(second![1]).toBe(second![0]);
  expect([first![1], second![2]]).toEqual([0, 0]);
});

test('GiGPO: steps that start in one state of the world and one turn are compared, others are not', () => {
  const group = [rewarded(0, [1, 0], [1, 1]), rewarded(0, [0, 1], [1, 1])];
  const credit = { kind: 'gigpo', stepWeight: 1, stepDiscount: 0.5 } as const;
  // Episodes are equal. Returns of turn 0: 1 and 0.5, of turn 1: 0 and 1; dr_grpo does not scale.
  expect(advantagesOf(group, credit, 'dr_grpo')).toEqual([
    [0.25, -0.5],
    [-0.25, 0.5],
  ]);
  const elsewhere = structuredClone(group[1]!);
  (elsewhere.trajectory.steps[1] as { stateAfter: string }).stateAfter = 'moved';
  expect(advantagesOf([group[0]!, elsewhere], credit, 'dr_grpo')).toEqual([
    [0.25, 0],
    [-0.25, 0],
  ]);
  // grpo divides by the sample deviation of 1 and 0.5.
  const scaled = advantagesOf(group, credit, 'grpo');
  expect(scaled[0]![0]).toBeCloseTo(0.25 / Math.sqrt(0.125), 5);
});

test('no trajectories, no advantages: an update may lose all of them to its environments', () => {
  for (const estimator of ['grpo', 'dr_grpo', 'rloo', 'opo', 'reinforce_plus_plus', 'remax'] as const) {
    expect(stepAdvantages([], { kind: 'trajectory' }, estimator)).toEqual([]);
    expect(stepAdvantages([], { kind: 'turn', discount: 0.5 }, estimator)).toEqual([]);
  }
  expect(stepAdvantages([], { kind: 'gigpo', stepWeight: 1, stepDiscount: 1 }, 'grpo')).toEqual([]);
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
