import type { Trajectory } from '@parl-mt/schema';

/** Whether the environment, not the policy, ended an episode: it did not start, or its tools used up the episode's time. */
export function isEnvironmentFault({ stopReason }: Pick<Trajectory, 'stopReason'>): boolean {
  return stopReason === 'environment_error';
}

/**
 * The rollouts that say something about the policy. An episode that its environment ended is left out: it enters neither the
 * baseline of its group nor the loss, as if it had not been asked for. With a greedy rollout as the baseline (`remax`), a group
 * whose greedy episode ended so has no baseline, and is left out as a whole.
 *
 * @param greedy - one per group, or none where no estimator needs them.
 */
export function withoutEnvironmentFaults<Rollout extends { readonly trajectory: Trajectory }>(
  rollouts: readonly Rollout[],
  greedy: readonly Rollout[],
): { readonly rollouts: Rollout[]; readonly greedy: Rollout[] } {
  const sound = greedy.filter(({ trajectory }) => !isEnvironmentFault(trajectory));
  const baselines = new Set(sound.map(({ trajectory }) => trajectory.groupId));
  return {
    rollouts: rollouts.filter(
      ({ trajectory }) => !isEnvironmentFault(trajectory) && (greedy.length === 0 || baselines.has(trajectory.groupId)),
    ),
    greedy: sound,
  };
}
