import { callNative } from './call.js';
import { NativeValueError, ShapeError } from './errors.js';
import { checkTokenRows, checkTokenValues, type TokenRows } from './token-rows.js';

/**
 * One reward a row: the sum of its token rewards, in float64.
 *
 * @param rewards - [tokens], 0 outside the mask.
 * @returns [rows].
 * @throws {NativeValueError} for a reward on a token that was not sampled: it belongs to no action of the policy. Put it on
 * the last sampled token.
 */
export function tokenRewardSums(rewards: Float32Array, rows: TokenRows): Float64Array {
  const sums = new Float64Array(checkTokenRows(rows));
  checkTokenValues('rewards', rewards, rows);
  const stray = callNative('tokenRewardSums', rewards, rows.mask, rows.offsets, sums) as number;
  if (stray >= 0) throw maskedReward(rewards[stray]!, stray);
  return sums;
}

/**
 * Gives every sampled token the value of its row, and 0 to the others.
 *
 * @param values - [rows].
 * @param out - [tokens], overwritten: an array of an earlier batch, whose pages are in memory already. Default: a new one.
 * @returns `out`, rounded to float32.
 */
export function broadcastToSampled(
  values: Float64Array,
  rows: TokenRows,
  out: Float32Array = new Float32Array(rows.mask.length),
): Float32Array {
  const count = checkTokenRows(rows);
  checkTokenValues('out', out, rows);
  if (values.length !== count) {
    throw new ShapeError(`expected values.length to be the number of rows ${count}, received ${values.length}`);
  }
  callNative('broadcastToSampled', values, rows.mask, rows.offsets, out);
  return out;
}

/** The error for a reward that stands outside the mask. */
export function maskedReward(reward: number, index: number): NativeValueError {
  return new NativeValueError(
    `expected rewards on sampled tokens only, received ${reward} at index ${index}, where mask is 0: put it on the last sampled token`,
  );
}
