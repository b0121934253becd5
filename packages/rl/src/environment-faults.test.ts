import type { StopReason, Trajectory } from '@parl-mt/schema';
import { expect, test } from 'vitest';
import { withoutEnvironmentFaults } from './environment-faults.js';

const ended = (groupId: number, stopReason: StopReason = 'completed') => ({
  trajectory: { groupId, stopReason } as Trajectory,
});

test('an episode that its environment ended is left out, one that the policy ended badly is not', () => {
  const rollouts = [ended(0), ended(0, 'environment_error'), ended(1, 'step_limit'), ended(1, 'context_overflow')];
  expect(withoutEnvironmentFaults(rollouts, [])).toEqual({
    rollouts: [rollouts[0], rollouts[2], rollouts[3]],
    greedy: [],
  });
});

test('a group whose greedy episode ended so has no baseline', () => {
  const rollouts = [ended(0), ended(0), ended(1), ended(1, 'environment_error')];
  const greedy = [ended(0, 'environment_error'), ended(1)];
  expect(withoutEnvironmentFaults(rollouts, greedy)).toEqual({ rollouts: [rollouts[2]], greedy: [greedy[1]] });
});
