import { callNative } from './call.js';
import { NativeValueError } from './errors.js';
import { expectRange } from './expect-range.js';
import { checkTokenRows, checkTokenValues, type TokenRows } from './token-rows.js';

/** The bounds of Clip-Cov, and which of the candidates are taken. */
export interface CovarianceBandOptions {
  /** Of the sampled tokens, in 0..1, rounded down but at least one token. Default 2e-4. */
  readonly share?: number;
  /** Candidates have low < covariance < high. Default 1 and 5. */
  readonly low?: number;
  readonly high?: number;
  /** Bounds of the clipped loss: a token that it clips is no candidate. Distances from 1, >= 0. */
  readonly clipLow: number;
  readonly clipHigh: number;
  /** Chooses among more candidates than the share, an integer in [0, 2^53). Absent: the first ones are taken. */
  readonly seed?: number;
}

/**
 * KL-Cov's tokens: the share of sampled tokens whose advantage and log-prob move together most, by
 * (A - mean A) (logprob - mean logprob) with means over the sampled tokens of the batch. They are to be held by a KL term
 * (`klWeights` of `policyLoss`): updates there are what takes entropy out of a policy.
 *
 * Means and ranks are of the tokens at hand: select over a whole batch before it is cut into micro-batches.
 *
 * @param logprobs - [tokens], finite where sampled. @param advantages - [tokens], finite where sampled.
 * @param options.share - in 0..1, rounded down but at least one token. Default 2e-4.
 * @returns [tokens], 1 where selected. Ties go to the earlier token.
 * @throws {ShapeError} if lengths differ. @throws {NativeValueError} for a share outside 0..1, or a number that is not finite.
 * @see Cui et al., arXiv:2505.22617; verl's kl_cov.
 */
export function highCovarianceMask(
  logprobs: Float32Array,
  advantages: Float32Array,
  rows: TokenRows,
  { share = 2e-4 }: { readonly share?: number } = {},
): Uint8Array {
  const bounds = { low: Number.NEGATIVE_INFINITY, high: Number.POSITIVE_INFINITY, ratioLow: 0, ratioHigh: 0 };
  return select({ logprobs, advantages }, rows, { share, ...bounds }, { choice: 0, seed: 0 });
}

/**
 * Clip-Cov's tokens: some of those whose covariance, as above, lies between two bounds and that the clipped loss does not clip.
 * They are to be taken out of the loss: weight 0 in `policyLoss`.
 *
 * @param logprobs - [tokens]. @param oldLogprobs - [tokens]. @param advantages - [tokens]; all finite where sampled.
 * @returns [tokens], 1 where selected.
 * @throws as {@link highCovarianceMask}, and for a bound or seed out of range.
 * @see Cui et al., arXiv:2505.22617; verl's clip_cov.
 */
export function covarianceBandMask(
  logprobs: Float32Array,
  oldLogprobs: Float32Array,
  advantages: Float32Array,
  rows: TokenRows,
  { share = 2e-4, low = 1, high = 5, clipLow, clipHigh, seed }: CovarianceBandOptions,
): Uint8Array {
  if (!(low < high)) throw new NativeValueError(`expected low < high, received ${low} and ${high}`);
  for (const [name, bound] of Object.entries({ clipLow, clipHigh })) {
    if (!(bound >= 0)) throw new NativeValueError(`expected ${name} to be >= 0, received ${bound}`);
  }
  if (seed !== undefined && !(Number.isSafeInteger(seed) && seed >= 0)) {
    throw new NativeValueError(`expected seed to be an integer in 0..2^53 - 1, received ${seed}`);
  }
  return select(
    { logprobs, oldLogprobs, advantages },
    rows,
    { share, low, high, ratioLow: 1 - clipLow, ratioHigh: 1 + clipHigh },
    { choice: seed === undefined ? 1 : 2, seed: seed ?? 0 },
  );
}

interface Selected {
  readonly logprobs: Float32Array;
  readonly oldLogprobs?: Float32Array;
  readonly advantages: Float32Array;
}

function select(
  tokens: Selected,
  rows: TokenRows,
  options: { share: number; low: number; high: number; ratioLow: number; ratioHigh: number },
  { choice, seed }: { readonly choice: 0 | 1 | 2; readonly seed: number },
): Uint8Array {
  checkTokenRows(rows);
  const { mask } = rows;
  for (const [name, values] of Object.entries(tokens)) {
    checkTokenValues(name, values, rows);
    const bad = (values as Float32Array).findIndex((value, t) => mask[t] !== 0 && !Number.isFinite(value));
    if (bad >= 0) throw new NativeValueError(`expected finite ${name}, received ${values[bad]} at index ${bad}`);
  }
  const { share, low, high, ratioLow, ratioHigh } = options;
  expectRange('share', share, 0, 1);
  const { logprobs, oldLogprobs = null, advantages } = tokens;
  const code = Float64Array.of(share, low, high, ratioLow, ratioHigh);
  const selected = new Uint8Array(mask.length);
  callNative('covarianceSelection', logprobs, oldLogprobs, advantages, mask, code, choice, seed, selected);
  return selected;
}
