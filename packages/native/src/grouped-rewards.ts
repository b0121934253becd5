import { NativeValueError, ShapeError } from './errors.js';

/** Beyond it, sums of deviations could overflow. */
const largestReward = 1e290;

/** @throws {ShapeError} if there is not one 32-bit group id a reward. */
export function checkGroups(rewards: Float64Array, groupIds: Int32Array): void {
  if (!(groupIds instanceof Int32Array)) throw new ShapeError('expected groupIds to be an Int32Array');
  if (groupIds.length !== rewards.length) {
    throw new ShapeError(
      `expected groupIds.length to be rewards.length ${rewards.length}, received ${groupIds.length}`,
    );
  }
}

/**
 * @param rows - the row of each reward where they are a selection; undefined: reward i is row i.
 * @throws {NativeValueError} naming the first reward that is not finite or too large.
 */
export function checkRewards(rewards: Float64Array, rows: readonly number[] | undefined): void {
  // A loop, since findIndex() would take as long as the advantages.
  for (let i = 0; i < rewards.length; i += 1) {
    if (Math.abs(rewards[i]!) <= largestReward) continue;
    throw unusableReward(rewards[i]!, rows?.[i] ?? i);
  }
}

/** The error for a reward that is not finite or too large. */
export function unusableReward(reward: number, index: number): NativeValueError {
  return new NativeValueError(
    `expected finite rewards of at most 1e290 in magnitude, received ${reward} at index ${index}`,
  );
}
