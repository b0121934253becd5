/** How an adaptive coefficient follows the KL divergence. */
export interface KlControl {
  /** KL divergence to hold, nats; > 0. */
  readonly target: number;
  /** Steps over which a constant error of 20% changes the coefficient by 20%; > 0. */
  readonly horizon: number;
  /** Steps (of whatever the horizon counts) since the last change. */
  readonly steps: number;
}

/**
 * The KL coefficient after an update: it moves by the relative error to the target, at most 20% of it, over the horizon.
 *
 * @param coefficient - the one used so far. @param kl - measured, nats.
 * @throws {RangeError} if target or horizon is not positive.
 * @see Ziegler et al., arXiv:1909.08593, section 2.2.
 */
export function nextKlCoefficient(coefficient: number, kl: number, { target, horizon, steps }: KlControl): number {
  if (!(target > 0)) throw new RangeError(`expected target to be > 0, received ${target}`);
  if (!(horizon > 0)) throw new RangeError(`expected horizon to be > 0, received ${horizon}`);
  const error = Math.min(Math.max(kl / target - 1, -0.2), 0.2);
  return coefficient * (1 + (error * steps) / horizon);
}

/**
 * KL to a reference policy inside the reward: score - coefficient (logprob - referenceLogprob), token by token.
 *
 * @param scores - [tokens]. @param logprobs - [tokens], under the policy that sampled.
 * @param referenceLogprobs - [tokens].
 * @throws {RangeError} if the lengths differ.
 */
export function klShapedRewards(
  scores: ArrayLike<number>,
  logprobs: ArrayLike<number>,
  referenceLogprobs: ArrayLike<number>,
  coefficient: number,
): Float64Array {
  for (const [name, { length }] of Object.entries({ logprobs, referenceLogprobs })) {
    if (length !== scores.length) {
      throw new RangeError(`expected ${name}.length to be scores.length ${scores.length}, received ${length}`);
    }
  }
  return Float64Array.from(scores, (score, t) => score - coefficient * (logprobs[t]! - referenceLogprobs[t]!));
}
