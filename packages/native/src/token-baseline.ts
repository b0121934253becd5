import { callNative } from './call.js';
import { NativeValueError, ShapeError } from './errors.js';
import { expectOneOf } from './expect-one-of.js';
import type { TokenCredit } from './token-credit.js';
import { maskedReward } from './token-rewards.js';
import { checkTokenRows, checkTokenValues, type TokenRows } from './token-rows.js';

export interface TokenBaselineOptions {
  /** Added to the sum of weights. Default 1e-8. */
  readonly epsilon?: number;
  /** What a group of one gets: 0 (default), or its returns as in verl. */
  readonly singleton?: 'zero' | 'return';
  /** What tokens get that no other row of their group reaches: 0 (default), or their returns as in verl. */
  readonly tail?: 'zero' | 'return';
}

/** What is known of each token, all [tokens]. */
export interface TokenBaselineInputs {
  /** Finite; 0 outside the mask. */
  readonly rewards: Float32Array;
  /** Under the policy that sampled. */
  readonly logprobs: Float32Array;
  /** Sum of squared probabilities of the distribution the token was drawn from: `probabilitySquares`. */
  readonly squares: Float32Array;
  /** Rollout correction, whose square scales the weight. Default 1. */
  readonly corrections?: Float32Array;
}

/**
 * Optimal token baseline: a token's return minus sum(G W) / sum(W) over the rows of its group that have as many sampled tokens, G
 * their return from there and W = the sum of 1 - 2 p + sum p^2 over what they had written: the squared length of the score, so the
 * baseline of least variance. Rows are lined up by the running index of their sampled tokens.
 *
 * @param groupIds - [rows], any 32-bit integers.
 * @returns advantages and returns, [tokens]; exact zeros where all returns of a group at a place are equal.
 * @throws {ShapeError} if lengths differ.
 * @throws {NativeValueError} for a reward outside the mask, a number that is not finite, or an epsilon that is not > 0.
 * @see verl 0.9.1, tir_optimal_token_baseline; its optimal_token_baseline lines rows up by column, observations included.
 */
export function tokenBaselineAdvantages(
  { rewards, logprobs, squares, corrections }: TokenBaselineInputs,
  rows: TokenRows,
  groupIds: Int32Array,
  { epsilon = 1e-8, singleton, tail }: TokenBaselineOptions = {},
): TokenCredit {
  const count = checkTokenRows(rows);
  for (const [name, values] of Object.entries({ rewards, logprobs, squares })) checkTokenValues(name, values, rows);
  if (corrections !== undefined) checkTokenValues('corrections', corrections, rows);
  if (!(groupIds instanceof Int32Array) || groupIds.length !== count) {
    throw new ShapeError(`expected groupIds to be an Int32Array of ${count} rows, received ${groupIds.length}`);
  }
  expectOneOf('singleton', singleton, ['zero', 'return']);
  expectOneOf('tail', tail, ['zero', 'return']);
  if (!(epsilon > 0 && epsilon < Number.POSITIVE_INFINITY)) {
    throw new NativeValueError(`expected epsilon to be finite and > 0, received ${epsilon}`);
  }
  const advantages = new Float32Array(rewards.length);
  const returns = new Float32Array(rewards.length);
  const { mask, offsets } = rows;
  const status = callNative(
    'tokenBaselineAdvantages',
    rewards,
    logprobs,
    squares,
    corrections ?? null,
    mask,
    offsets,
    groupIds,
    epsilon,
    singleton === 'return',
    tail === 'return',
    advantages,
    returns,
  );
  const [fault, index] = status as [0 | 1 | 2, number];
  if (fault === 1) throw maskedReward(rewards[index]!, index);
  if (fault === 2) throw notFinite({ rewards, logprobs, squares, corrections }, mask);
  return { advantages, returns };
}

/** Sums carry a number that is not finite to other tokens: the first one that came in is named. */
function notFinite(
  inputs: Readonly<Record<keyof TokenBaselineInputs, Float32Array | undefined>>,
  mask: Uint8Array,
): NativeValueError {
  for (const [name, values] of Object.entries(inputs)) {
    const index = values?.findIndex((value, t) => mask[t] !== 0 && !Number.isFinite(value)) ?? -1;
    if (index >= 0) {
      return new NativeValueError(`expected finite ${name}, received ${values![index]} at index ${index}`);
    }
  }
  return new NativeValueError('expected returns and weights within the range of float64, received sums beyond it');
}
