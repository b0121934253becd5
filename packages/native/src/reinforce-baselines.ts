import { ShapeError } from './errors.js';
import { groupAdvantages } from './group-advantage.js';
import { whiten } from './masked-statistics.js';
import { discountedReturns, type TokenCredit } from './token-credit.js';
import { broadcastToSampled } from './token-rewards.js';
import { checkTokenRows, type TokenRows } from './token-rows.js';

export interface ReinforceBaselineOptions {
  /** Added to the variance in the whitening. Default 1e-8. */
  readonly epsilon?: number;
  /** What a group of one gets before whitening: 0 (default), or the reward itself as in verl. */
  readonly singleton?: 'zero' | 'reward';
}

/**
 * REINFORCE++ with a group baseline: each row's reward minus its group's mean, given to its sampled tokens and whitened over
 * the sampled tokens of the batch.
 *
 * @param rewards - [rows], finite. @param groupIds - [rows].
 * @returns [tokens], 0 where not sampled.
 * @throws as `groupAdvantages`.
 * @see Hu et al., arXiv:2501.03262.
 */
export function reinforceBaselineAdvantages(
  rewards: Float64Array | readonly number[],
  groupIds: Int32Array,
  rows: TokenRows,
  { epsilon = 1e-8, singleton = 'zero' }: ReinforceBaselineOptions = {},
): Float32Array {
  const centred = groupAdvantages(rewards, groupIds, { estimator: 'dr_grpo', singleton });
  return whiten(broadcastToSampled(centred, rows), rows.mask, { epsilon });
}

/**
 * ReMax: undiscounted returns minus the reward of the greedy answer to the same task.
 *
 * @param rewards - [tokens], finite, 0 outside the mask.
 * @param baselines - [rows], reward of the greedy rollout of each row's task.
 * @returns both [tokens], 0 where not sampled.
 * @throws as `discountedReturns`.
 * @see Li et al., arXiv:2310.10505.
 */
export function remaxAdvantages(
  rewards: Float32Array,
  baselines: Float64Array | readonly number[],
  rows: TokenRows,
): TokenCredit {
  const count = checkTokenRows(rows);
  if (baselines.length !== count) {
    throw new ShapeError(`expected baselines.length to be the number of rows ${count}, received ${baselines.length}`);
  }
  const returns = discountedReturns(rewards, rows);
  const advantages = new Float32Array(returns.length);
  for (let row = 0; row < count; row++) {
    for (let t = rows.offsets[row]!; t < rows.offsets[row + 1]!; t++) {
      advantages[t] = rows.mask[t] === 0 ? 0 : returns[t]! - baselines[row]!;
    }
  }
  return { returns, advantages };
}
