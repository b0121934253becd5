import { stepGroupAdvantages } from '@parl-mt/native';
import type { RlConfig, Trajectory } from '@parl-mt/schema';
import { type CreditUnit, type StepEstimator, unitAdvantages } from './advantage-units.js';

/** A trajectory and what it earned. */
export interface RewardedTrajectory {
  readonly trajectory: Trajectory;
  /** The reward by the turn that earned it, one entry per turn of the task. */
  readonly turnRewards: readonly number[];
}

/**
 * Who is credited with a reward.
 *
 * - `trajectory`: every token of a trajectory with its total reward.
 * - `turn`: a turn's tokens with what that turn earned and, discounted by `discount` per turn, what later turns did.
 * - `mt_grpo`: as `trajectory`; the first turn's tokens also with `firstTurnWeight` times the advantage of what that turn earned.
 * - `gigpo`: as `trajectory`; a step also with `stepWeight` times the advantage of its discounted return among the steps of its group
 *   that began in the same turn and state of the world. A turn's reward counts as earned by its last step.
 */
export type CreditConfig = RlConfig['credit'];

/**
 * Advantage of every step of every trajectory: estimates over what the step is credited with.
 *
 * With credit `turn`, the return of turn t is the sum over u >= t of discount^(u - t) times the reward of turn u. Returns are
 * compared among the group's trajectories at the same turn. The number of turns is the task's, not the policy's: a turn that an
 * episode never reached earned nothing and is counted, so stopping early gains no better baseline.
 *
 * @param greedy - of estimator `remax` alone: a greedy trajectory of each group, scored alike.
 * @returns one array per trajectory, one entry per step; exact zeros where a group (at that turn) has no signal.
 */
export function stepAdvantages(
  trajectories: readonly RewardedTrajectory[],
  credit: CreditConfig,
  estimator: StepEstimator,
  greedy: readonly RewardedTrajectory[] = [],
): Float64Array[] {
  switch (credit.kind) {
    case 'trajectory':
      return byTrajectory(trajectories, estimator, greedy);
    case 'turn':
      return byTurn(trajectories, credit.discount, estimator, greedy);
    case 'mt_grpo': {
      const first = unitAdvantages(trajectories.map(firstTurn), estimator);
      return byTrajectory(trajectories, estimator, greedy).map((outcome, i) =>
        outcome.map((advantage, step) =>
          trajectories[i]!.trajectory.steps[step]!.turn === 0
            ? advantage + credit.firstTurnWeight * first[i]!
            : advantage,
        ),
      );
    }
    case 'gigpo':
      return bySharedState(trajectories, credit, estimator);
  }
}

function byTrajectory(
  trajectories: readonly RewardedTrajectory[],
  estimator: StepEstimator,
  greedy: readonly RewardedTrajectory[],
): Float64Array[] {
  const advantages = unitAdvantages(trajectories.map(wholeTrajectory), estimator, greedy.map(wholeTrajectory));
  return trajectories.map(({ trajectory }, i) => new Float64Array(trajectory.steps.length).fill(advantages[i]!));
}

function byTurn(
  trajectories: readonly RewardedTrajectory[],
  discount: number,
  estimator: StepEstimator,
  greedy: readonly RewardedTrajectory[],
): Float64Array[] {
  const turns = Math.max(0, ...trajectories.map(({ turnRewards }) => turnRewards.length));
  const units = trajectories.map((rewarded) => turnUnits(rewarded, discount, turns));
  const greedyUnits = greedy.flatMap((rewarded) => turnUnits(rewarded, discount, turns));
  const advantages = unitAdvantages(units.flat(), estimator, greedyUnits);
  let start = 0;
  return trajectories.map(({ trajectory }, i) => {
    const own = advantages.subarray(start, start + units[i]!.length);
    start += own.length;
    return Float64Array.from(trajectory.steps, ({ turn }) => own[turn]!);
  });
}

function bySharedState(
  trajectories: readonly RewardedTrajectory[],
  { stepWeight, stepDiscount }: { readonly stepWeight: number; readonly stepDiscount: number },
  estimator: StepEstimator,
): Float64Array[] {
  const stepOffsets = new Int32Array(trajectories.length + 1);
  for (const [i, { trajectory }] of trajectories.entries()) {
    stepOffsets[i + 1] = stepOffsets[i]! + trajectory.steps.length;
  }
  const stepRewards = new Float64Array(stepOffsets[trajectories.length]!);
  const anchors = new BigUint64Array(stepRewards.length);
  const states = new Map<string, bigint>();
  for (const [i, { trajectory, turnRewards }] of trajectories.entries()) {
    for (const [s, { turn, stateBefore, stateAfter }] of trajectory.steps.entries()) {
      const at = stepOffsets[i]! + s;
      const state = `${turn} ${stateBefore[0] ?? stateAfter}`;
      if (!states.has(state)) states.set(state, BigInt(states.size));
      anchors[at] = states.get(state)!;
      if (trajectory.steps[s + 1]?.turn !== turn) stepRewards[at] = turnRewards[turn] ?? 0;
    }
  }
  const advantages = stepGroupAdvantages(
    trajectories.map(({ trajectory }) => trajectory.reward!.total),
    Int32Array.from(trajectories, ({ trajectory }) => trajectory.groupId),
    { stepOffsets, stepRewards, anchors },
    { gamma: stepDiscount, weight: stepWeight, scale: estimator === 'grpo' },
  );
  return trajectories.map((_, i) => advantages.slice(stepOffsets[i], stepOffsets[i + 1]));
}

function wholeTrajectory({ trajectory }: RewardedTrajectory): CreditUnit {
  return { value: trajectory.reward!.total, group: trajectory.groupId, tokens: sampledTokens(trajectory) };
}

function firstTurn({ trajectory, turnRewards }: RewardedTrajectory): CreditUnit {
  return { value: turnRewards[0] ?? 0, group: trajectory.groupId, tokens: sampledTokens(trajectory, 0) };
}

/** A unit per turn of the task; those of one group and turn are compared. */
function turnUnits({ trajectory, turnRewards }: RewardedTrajectory, discount: number, turns: number): CreditUnit[] {
  return Array.from(discountedReturns(turnRewards, discount), (value, turn) => ({
    value,
    group: trajectory.groupId * turns + turn,
    tokens: sampledTokens(trajectory, turn),
  }));
}

/** Of one turn, or of all. */
function sampledTokens({ steps }: Trajectory, turn?: number): number {
  return steps.reduce(
    (sum, step) => sum + (turn === undefined || step.turn === turn ? step.completionTokens.length : 0),
    0,
  );
}

/** G_t = r_t + discount G_{t+1}. */
function discountedReturns(rewards: readonly number[], discount: number): Float64Array {
  const returns = Float64Array.from(rewards);
  for (let turn = returns.length - 2; turn >= 0; turn -= 1) returns[turn]! += discount * returns[turn + 1]!;
  return returns;
}
