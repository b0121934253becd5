import { callNative } from './call.js';
import { NativeValueError } from './errors.js';
import { expectRange } from './expect-range.js';
import { whiten } from './masked-statistics.js';
import { maskedReward } from './token-rewards.js';
import { checkTokenRows, checkTokenValues, type TokenRows } from './token-rows.js';

/** Advantages with the returns they came from; both [tokens], 0 where not sampled. */
export interface TokenCredit {
  readonly advantages: Float32Array;
  readonly returns: Float32Array;
}

/**
 * Discounted returns G[t] = r[t] + gamma G[next], where next is the next *sampled* token of the row: tool results and user
 * messages neither discount nor end the carry, so every turn is credited with what later turns earn.
 *
 * @param rewards - [tokens], finite, 0 outside the mask.
 * @param options.gamma - in 0..1. Default 1.
 * @returns [tokens], 0 where not sampled.
 * @throws {ShapeError} if lengths differ.
 * @throws {NativeValueError} for a reward outside the mask (verl drops it without a word) or one that is not finite.
 */
export function discountedReturns(
  rewards: Float32Array,
  rows: TokenRows,
  { gamma = 1 }: { readonly gamma?: number } = {},
): Float32Array {
  checkTokenRows(rows);
  checkTokenValues('rewards', rewards, rows);
  expectRange('gamma', gamma, 0, 1);
  const returns = new Float32Array(rewards.length);
  throwFault(callNative('discountedReturns', rewards, rows.mask, rows.offsets, gamma, returns), { rewards });
  return returns;
}

export interface ReinforcePlusPlusOptions {
  /** Discount from one sampled token to the next, in 0..1. Default 1. */
  readonly gamma?: number;
  /** Added to the variance in the whitening. Default 1e-8. */
  readonly epsilon?: number;
}

/**
 * REINFORCE++: discounted returns over sampled tokens, whitened over the sampled tokens of the batch.
 *
 * @throws as {@link discountedReturns}.
 * @see Hu et al., arXiv:2501.03262; verl since 0.9.0 (its earlier form credits only the last turn).
 */
export function reinforcePlusPlus(
  rewards: Float32Array,
  rows: TokenRows,
  { gamma = 1, epsilon = 1e-8 }: ReinforcePlusPlusOptions = {},
): TokenCredit {
  const returns = discountedReturns(rewards, rows, { gamma });
  return { returns, advantages: whiten(returns, rows.mask, { epsilon }) };
}

export interface GaeOptions {
  /** Discount from one sampled token to the next, in 0..1. Default 1. */
  readonly gamma?: number;
  /** Decay of temporal differences, in 0..1. Default 0.95. */
  readonly lambda?: number;
  /** Whiten advantages over the sampled tokens of the batch (returns stay as they are). Default true. */
  readonly whiten?: boolean;
  /** Added to the variance in the whitening. Default 1e-8. */
  readonly epsilon?: number;
}

/**
 * Generalised advantage estimation over multi-turn rows: delta[t] = r[t] + gamma V[next] - V[t], A[t] = delta[t] + gamma lambda
 * A[next], return[t] = A[t] + V[t], where next is the next *sampled* token of the row. Tool results neither decay nor
 * bootstrap; their values are not read.
 *
 * @param rewards - [tokens], finite, 0 outside the mask; a terminal reward stands on the last sampled token.
 * @param values - [tokens], finite where sampled.
 * @param out - both [tokens], overwritten and returned: arrays of an earlier batch. Default: new ones.
 * @throws {ShapeError} if lengths differ.
 * @throws {NativeValueError} for a reward outside the mask, a reward or value that is not finite, gamma or lambda outside 0..1.
 * @see Schulman et al., arXiv:1506.02438; masks as verl (pull request 2337).
 */
export function generalizedAdvantages(
  rewards: Float32Array,
  values: Float32Array,
  rows: TokenRows,
  { gamma = 1, lambda = 0.95, whiten: whitened = true, epsilon = 1e-8 }: GaeOptions = {},
  out: TokenCredit = { advantages: new Float32Array(rewards.length), returns: new Float32Array(rewards.length) },
): TokenCredit {
  checkTokenRows(rows);
  checkTokenValues('rewards', rewards, rows);
  checkTokenValues('values', values, rows);
  expectRange('gamma', gamma, 0, 1);
  expectRange('lambda', lambda, 0, 1);
  const { advantages, returns } = out;
  checkTokenValues('advantages', advantages, rows);
  checkTokenValues('returns', returns, rows);
  const { mask, offsets } = rows;
  throwFault(callNative('generalizedAdvantages', rewards, values, mask, offsets, gamma, lambda, advantages, returns), {
    rewards,
    values,
  });
  if (whitened) whiten(advantages, mask, { epsilon, out: advantages });
  return { returns, advantages };
}

/** Throws for a status [fault, index] of the binding: 1 a reward outside the mask, 2 a number that is not finite. */
function throwFault(status: unknown, inputs: { readonly rewards: Float32Array; readonly values?: Float32Array }): void {
  const [fault, index] = status as [0 | 1 | 2, number];
  if (fault === 0) return;
  if (fault === 1) throw maskedReward(inputs.rewards[index]!, index);
  const reward = inputs.rewards[index]!;
  const [name, value] = Number.isFinite(reward) ? ['values', inputs.values?.[index]] : ['rewards', reward];
  throw new NativeValueError(`expected finite ${name}, received ${value} at index ${index}`);
}
