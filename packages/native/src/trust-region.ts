import { callNative } from './call.js';
import { NativeValueError } from './errors.js';
import { expectOneOf } from './expect-one-of.js';
import { checkTokenRows, checkTokenValues, type TokenRows } from './token-rows.js';

export interface TrustRegionOptions {
  /**
   * How far a token's probability p has moved from the old one, q: 'total_variation' is |p - q|, 'kl' the divergence of the
   * two-way choice between this token and all others.
   */
  readonly divergence: 'total_variation' | 'kl';
  /** Largest step down where A <= 0, >= 0. */
  readonly low: number;
  /** Largest step up where A > 0, >= 0. */
  readonly high: number;
  /** The weight is at most this, > 0. Default 20 (the paper); verl's configuration makes it 3. */
  readonly ratioCap?: number;
}

/**
 * DPPO's detached weights of tokens, for the objective 'reinforce': the ratio, at most `ratioCap`, or 0 where the policy has
 * already moved further than the bound in the direction that the advantage pushes. A step back towards the old policy always
 * counts.
 *
 * @param logprobs - [tokens]. @param oldLogprobs - [tokens]. @param advantages - [tokens].
 * @returns [tokens], 0 where not sampled; NaN where a sampled log-prob is.
 * @throws {ShapeError} if lengths differ. @throws {NativeValueError} for a bound that is negative or a cap that is not > 0.
 * @see arXiv:2602.04879; verl's dppo_tv and dppo_kl.
 */
export function trustRegionWeights(
  logprobs: Float32Array,
  oldLogprobs: Float32Array,
  advantages: Float32Array,
  rows: TokenRows,
  { divergence, low, high, ratioCap = 20 }: TrustRegionOptions,
): Float32Array {
  checkTokenRows(rows);
  for (const [name, values] of Object.entries({ logprobs, oldLogprobs, advantages }))
    checkTokenValues(name, values, rows);
  expectOneOf('divergence', divergence, ['total_variation', 'kl']);
  for (const [name, bound] of Object.entries({ low, high })) {
    if (!(bound >= 0)) throw new NativeValueError(`expected ${name} to be >= 0, received ${bound}`);
  }
  if (!(ratioCap > 0)) throw new NativeValueError(`expected ratioCap to be > 0, received ${ratioCap}`);
  const weights = new Float32Array(logprobs.length);
  const { mask, offsets } = rows;
  const code = divergence === 'kl' ? 1 : 0;
  callNative(
    'trustRegionWeights',
    logprobs,
    oldLogprobs,
    advantages,
    mask,
    offsets,
    code,
    low,
    high,
    ratioCap,
    weights,
  );
  return weights;
}
