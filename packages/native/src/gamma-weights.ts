import { callNative } from './call.js';
import { NativeValueError } from './errors.js';
import { checkTokenRows, checkTokenValues, type TokenRows } from './token-rows.js';

export interface GammaOptions {
  /** Where A >= 0. Default 2. */
  readonly kPositive?: number;
  /** Where A >= 0. Default 3. */
  readonly lambdaPositive?: number;
  /** Where A < 0. Default 3. */
  readonly kNegative?: number;
  /** Where A < 0. Default 2. */
  readonly lambdaNegative?: number;
  /** [tokens], the rollout correction, which enters the row's ratio and must not be applied again. */
  readonly rolloutWeights?: Float32Array;
}

/**
 * VESPO's detached weights of whole rows, for the objective 'reinforce': phi(w) = e^(lambda + k log w - lambda w), 1 at w = 1,
 * with w the product of the ratios (and rollout corrections) over the row's sampled tokens.
 *
 * @param advantages - [tokens]; their sign chooses k and lambda.
 * @returns [tokens], 0 where not sampled.
 * @throws {ShapeError} if lengths differ. @throws {NativeValueError} for a parameter that is not > 0.
 * @see arXiv:2602.10693, as TRL 1.16.0 computes it (there the correction is summed over masked columns too).
 */
export function gammaWeights(
  logprobs: Float32Array,
  oldLogprobs: Float32Array,
  advantages: Float32Array,
  rows: TokenRows,
  { kPositive = 2, lambdaPositive = 3, kNegative = 3, lambdaNegative = 2, rolloutWeights }: GammaOptions = {},
): Float32Array {
  checkTokenRows(rows);
  for (const [name, values] of Object.entries({ logprobs, oldLogprobs, advantages }))
    checkTokenValues(name, values, rows);
  if (rolloutWeights !== undefined) checkTokenValues('rolloutWeights', rolloutWeights, rows);
  for (const [name, value] of Object.entries({ kPositive, lambdaPositive, kNegative, lambdaNegative })) {
    if (!(value > 0 && value < Number.POSITIVE_INFINITY)) {
      throw new NativeValueError(`expected ${name} to be finite and > 0, received ${value}`);
    }
  }
  const options = Float64Array.of(kPositive, lambdaPositive, kNegative, lambdaNegative);
  const weights = new Float32Array(logprobs.length);
  const { mask, offsets } = rows;
  callNative(
    'gammaWeights',
    logprobs,
    oldLogprobs,
    advantages,
    rolloutWeights ?? null,
    mask,
    offsets,
    options,
    weights,
  );
  return weights;
}
