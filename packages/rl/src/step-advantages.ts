import { type AdvantageEstimator, groupAdvantages } from '@parl-mt/native';
import type { Trajectory } from '@parl-mt/schema';

/** A trajectory and what it earned. */
export interface RewardedTrajectory {
  readonly trajectory: Trajectory;
  /** The reward by the turn that earned it, one entry per turn of the task. */
  readonly turnRewards: readonly number[];
}

/** Who is credited with a reward. */
export type CreditConfig =
  /** Every token of a trajectory with its total reward. */
  | { readonly kind: 'trajectory' }
  /** A turn's tokens with what that turn earned and, discounted by `discount` per turn, what later turns did. */
  | { readonly kind: 'turn'; readonly discount: number };

/**
 * Advantage of every step of every trajectory: group estimates over what the step is credited with.
 *
 * With credit `turn`, the return of turn t is the sum over u >= t of discount^(u - t) times the reward of turn u. Returns are
 * compared among the group's trajectories at the same turn. The number of turns is the task's, not the policy's: a turn that an
 * episode never reached earned nothing and is counted, so stopping early gains no better baseline.
 *
 * @returns one array per trajectory, one entry per step; exact zeros where a group (at that turn) has no signal.
 */
export function stepAdvantages(
  trajectories: readonly RewardedTrajectory[],
  credit: CreditConfig,
  estimator: AdvantageEstimator,
): Float64Array[] {
  if (credit.kind === 'trajectory') {
    const advantages = groupAdvantages(
      Float64Array.from(trajectories, ({ trajectory }) => trajectory.reward!.total),
      Int32Array.from(trajectories, ({ trajectory }) => trajectory.groupId),
      { estimator },
    );
    return trajectories.map(({ trajectory }, i) => new Float64Array(trajectory.steps.length).fill(advantages[i]!));
  }
  const returns = trajectories.map(({ turnRewards }) => discountedReturns(turnRewards, credit.discount));
  const turns = Math.max(0, ...returns.map(({ length }) => length));
  const advantages = groupAdvantages(
    Float64Array.from(returns.flatMap((values) => [...values])),
    Int32Array.from(
      trajectories.flatMap(({ trajectory }, i) =>
        Array.from(returns[i]!, (_, turn) => trajectory.groupId * turns + turn),
      ),
    ),
    { estimator },
  );
  let start = 0;
  return trajectories.map(({ trajectory }, i) => {
    const own = advantages.subarray(start, start + returns[i]!.length);
    start += own.length;
    return Float64Array.from(trajectory.steps, ({ turn }) => own[turn]!);
  });
}

/** G_t = r_t + discount G_{t+1}. */
function discountedReturns(rewards: readonly number[], discount: number): Float64Array {
  const returns = Float64Array.from(rewards);
  for (let turn = returns.length - 2; turn >= 0; turn -= 1) returns[turn]! += discount * returns[turn + 1]!;
  return returns;
}
