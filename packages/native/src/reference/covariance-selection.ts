import { uniformAtReference } from './philox.js';

/** What `highCovarianceMask` and `covarianceBandMask` choose from, in float64. */
export interface ReferenceCovariances {
  readonly logprobs: ArrayLike<number>;
  readonly advantages: ArrayLike<number>;
  readonly mask: ArrayLike<number>;
}

/** (A - mean A) (logprob - mean logprob) with means over the sampled tokens; NaN elsewhere. */
export function tokenCovariancesReference({ logprobs, advantages, mask }: ReferenceCovariances): number[] {
  const tokens = Array.from(mask, (_, t) => t).filter((t) => mask[t] !== 0);
  const mean = (values: ArrayLike<number>): number => tokens.reduce((sum, t) => sum + values[t]!, 0) / tokens.length;
  const [a, l] = [mean(advantages), mean(logprobs)];
  return Array.from(mask, (flag, t) => (flag === 0 ? Number.NaN : (advantages[t]! - a) * (logprobs[t]! - l)));
}

/** `highCovarianceMask`: sort, take. */
export function highCovarianceMaskReference(batch: ReferenceCovariances, { share = 2e-4 } = {}): Uint8Array {
  const covariances = tokenCovariancesReference(batch);
  return take(batch.mask, share, [...covariances.keys()], (t) => -covariances[t]!);
}

/** `covarianceBandMask`. */
export function covarianceBandMaskReference(
  batch: ReferenceCovariances & { readonly oldLogprobs: ArrayLike<number> },
  options: { share?: number; low?: number; high?: number; clipLow: number; clipHigh: number; seed?: number },
): Uint8Array {
  const { share = 2e-4, low = 1, high = 5, clipLow, clipHigh, seed } = options;
  const covariances = tokenCovariancesReference(batch);
  const candidates = [...covariances.keys()].filter((t) => {
    const ratio = Math.exp(batch.logprobs[t]! - batch.oldLogprobs[t]!);
    const a = batch.advantages[t]!;
    const isClipped = (a > 0 && ratio > 1 + clipHigh) || (a < 0 && ratio < 1 - clipLow);
    return covariances[t]! > low && covariances[t]! < high && !isClipped;
  });
  return take(batch.mask, share, candidates, (t) => (seed === undefined ? 0 : uniformAtReference(seed, t)));
}

function take(
  mask: ArrayLike<number>,
  share: number,
  candidates: readonly number[],
  rank: (token: number) => number,
): Uint8Array {
  const sampled = Array.from(mask).filter((flag) => flag !== 0).length;
  const chosen = candidates
    .filter((t) => mask[t] !== 0)
    .sort((a, b) => rank(a) - rank(b) || a - b)
    .slice(0, Math.max(1, Math.floor(share * sampled)));
  const selected = new Uint8Array(mask.length);
  for (const t of chosen) selected[t] = 1;
  return selected;
}
