import { callNative } from './call.js';
import { NativeValueError, ShapeError } from './errors.js';
import { expectRange } from './expect-range.js';
import { groupAdvantages } from './group-advantage.js';
import { checkGroups, checkRewards } from './grouped-rewards.js';
import { checkOffsets } from './offsets.js';
import { checkTokenRows, type TokenRows } from './token-rows.js';

export interface TurnCreditOptions {
  /** Weight of the turn's advantage. Default 1. */
  readonly weight?: number;
  /** Added to the standard deviations. Default 1e-4, as the reference. */
  readonly epsilon?: number;
}

/**
 * MT-GRPO: the reward of the first turn and the reward of the outcome are each normalised within the group (sample deviation);
 * sampled tokens before the first tool result get outcome + weight * turn, later ones outcome alone.
 *
 * @param outcomeRewards - [rows]. @param turnRewards - [rows]. Both finite.
 * @param groupIds - [rows].
 * @param boundary - [rows], position in its row of the first token of the first tool result; the row's length if there is none.
 * @returns [tokens], 0 where not sampled.
 * @throws {ShapeError} if lengths differ. @throws {NativeValueError} for an unusable reward, weight or boundary.
 * @see Zeng et al. 2025, arXiv:2505.11821. Two segments only: normalising per turn index over more of them is biased where the
 * policy decides when to stop.
 */
export function turnLevelAdvantages(
  outcomeRewards: Float64Array | readonly number[],
  turnRewards: Float64Array | readonly number[],
  groupIds: Int32Array,
  boundary: Int32Array,
  rows: TokenRows,
  { weight = 1, epsilon = 1e-4 }: TurnCreditOptions = {},
): Float32Array {
  const count = checkTokenRows(rows);
  if (!Number.isFinite(weight)) throw new NativeValueError(`expected weight to be finite, received ${weight}`);
  const outcome = groupAdvantages(outcomeRewards, groupIds, { estimator: 'grpo', epsilon });
  const turn = groupAdvantages(turnRewards, groupIds, { estimator: 'grpo', epsilon });
  if (outcome.length !== count || !(boundary instanceof Int32Array) || boundary.length !== count) {
    throw new ShapeError(
      `expected one reward and one boundary a row, ${count} in all, received ${outcome.length} and ${boundary.length}`,
    );
  }
  const { offsets } = rows;
  const bad = boundary.findIndex((position, row) => position < 0 || position > offsets[row + 1]! - offsets[row]!);
  if (bad >= 0) {
    throw new NativeValueError(`expected boundary[${bad}] to lie in its row, received ${boundary[bad]}`);
  }
  const out = new Float32Array(rows.mask.length);
  callNative('twoSegmentAdvantages', outcome, turn, boundary, rows.mask, offsets, weight, out);
  return out;
}

/** Steps of each trajectory: trajectory t has steps stepOffsets[t] to stepOffsets[t + 1] - 1. */
export interface EpisodeSteps {
  /** [trajectories + 1], ascending from 0. */
  readonly stepOffsets: Int32Array;
  /** [steps], reward of each step, finite. */
  readonly stepRewards: Float64Array;
  /** [steps], hash of the observation that the step started from; equal hashes of one group form a cluster. */
  readonly anchors: BigUint64Array;
}

export interface StepGroupOptions {
  /** Discount from one step to the next, in 0..1. Default 0.95. */
  readonly gamma?: number;
  /** Weight of the step's advantage. Default 1. */
  readonly weight?: number;
  /** Divide by sample deviations + epsilon. Default true. */
  readonly scale?: boolean;
  /** Default 1e-6. */
  readonly epsilon?: number;
  /**
   * What the episode's statistics average over: 'trajectories' (default), or 'steps' as the reference does, where a long
   * episode weighs more.
   */
  readonly average?: 'trajectories' | 'steps';
}

/**
 * GiGPO: advantage of the episode within its group plus weight * advantage of the step among the group's steps that start from
 * the same observation, where a step is worth its discounted return. Clusters of one, and equal values, add exactly 0.
 *
 * @param episodeRewards - [trajectories], finite. @param groupIds - [trajectories].
 * @returns [steps].
 * @throws {ShapeError} if lengths differ. @throws {NativeValueError} for an unusable reward or option.
 * @see Feng et al., arXiv:2505.10978.
 */
export function stepGroupAdvantages(
  episodeRewards: Float64Array | readonly number[],
  groupIds: Int32Array,
  { stepOffsets, stepRewards, anchors }: EpisodeSteps,
  { gamma = 0.95, weight = 1, scale = true, epsilon = 1e-6, average = 'trajectories' }: StepGroupOptions = {},
): Float64Array {
  const episodes = Float64Array.from(episodeRewards);
  checkGroups(episodes, groupIds);
  checkRewards(episodes, undefined);
  checkRewards(stepRewards, undefined);
  checkOffsets('stepOffsets', stepOffsets, stepRewards.length);
  expectRange('gamma', gamma, 0, 1);
  expectRange('epsilon', epsilon, 0, Number.MAX_VALUE);
  if (!Number.isFinite(weight)) throw new NativeValueError(`expected weight to be finite, received ${weight}`);
  const out = new Float64Array(stepRewards.length);
  const averageOverSteps = average === 'steps';
  callNative(
    'stepGroupAdvantages',
    episodes,
    groupIds,
    stepOffsets,
    stepRewards,
    anchors,
    gamma,
    weight,
    epsilon,
    scale,
    averageOverSteps,
    out,
  );
  return out;
}
