import { broadcastToTokens, groupAdvantages, lengthBaselineAdvantages, whiten } from '@parl-mt/native';
import type { RlConfig } from '@parl-mt/schema';

export type StepEstimator = RlConfig['advantage'];

/** What one advantage is estimated of: a trajectory, or one turn of it. */
export interface CreditUnit {
  /** What it is credited with. */
  readonly value: number;
  /** Units with equal ids are compared. */
  readonly group: number;
  /** Tokens that the policy sampled in it. */
  readonly tokens: number;
}

/**
 * Advantages of units, as docs/estimators.md defines them. The estimators of REINFORCE++ whiten over tokens: a unit weighs as much
 * as it sampled.
 *
 * @param greedy - of `remax` alone: the unit of the greedy rollout of each group.
 * @returns one per unit; exact zeros where there is no signal.
 * @throws {RangeError} when a group has no greedy unit.
 */
export function unitAdvantages(
  units: readonly CreditUnit[],
  estimator: StepEstimator,
  greedy: readonly CreditUnit[] = [],
): Float64Array {
  const values = Float64Array.from(units, ({ value }) => value);
  const groups = Int32Array.from(units, ({ group }) => group);
  switch (estimator) {
    case 'grpo':
    case 'dr_grpo':
    case 'rloo':
      return groupAdvantages(values, groups, { estimator });
    case 'opo': {
      const lengths = Float64Array.from(units, ({ tokens }) => tokens);
      return lengthBaselineAdvantages(values, lengths, groups);
    }
    case 'reinforce_plus_plus':
      return whitenOverTokens(values, units);
    case 'reinforce_plus_plus_baseline':
      return whitenOverTokens(groupAdvantages(values, groups, { estimator: 'dr_grpo' }), units);
    case 'remax': {
      const baselines = new Map(greedy.map(({ group, value }) => [group, value]));
      return Float64Array.from(units, ({ value, group }) => {
        const baseline = baselines.get(group);
        if (baseline === undefined) throw new RangeError(`expected a greedy rollout of group ${group}, received none`);
        return value - baseline;
      });
    }
  }
}

/** Units that sampled nothing get 0. */
function whitenOverTokens(values: Float64Array, units: readonly CreditUnit[]): Float64Array {
  const offsets = new Int32Array(units.length + 1);
  for (const [i, { tokens }] of units.entries()) offsets[i + 1] = offsets[i]! + tokens;
  const spread = broadcastToTokens(values, offsets);
  const whitened = whiten(spread, new Uint8Array(spread.length).fill(1));
  return Float64Array.from(units, ({ tokens }, i) => (tokens === 0 ? 0 : whitened[offsets[i]!]!));
}
