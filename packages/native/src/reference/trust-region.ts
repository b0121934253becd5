import type { TrustRegionOptions } from '../trust-region.js';

/** `trustRegionWeights` in float64. */
export function trustRegionWeightsReference(
  logprobs: ArrayLike<number>,
  oldLogprobs: ArrayLike<number>,
  advantages: ArrayLike<number>,
  mask: ArrayLike<number>,
  { divergence, low, high, ratioCap = 20 }: TrustRegionOptions,
): Float64Array {
  return Float64Array.from(logprobs, (logP, t) => {
    if (mask[t] === 0) return 0;
    const logQ = oldLogprobs[t]!;
    const [p, q] = [Math.exp(logP), Math.exp(logQ)];
    const isPushedUp = advantages[t]! > 0;
    const bound = isPushedUp ? high : low;
    const step = isPushedUp ? p - q : q - p;
    const kl = q * (logQ - logP) + (1 - q) * Math.log((1 - q + 1e-8) / (1 - p + 1e-8));
    const isInside = divergence === 'kl' ? step <= 0 || kl <= bound : step <= bound;
    return isInside ? Math.min(ratioCap, Math.exp(Math.min(Math.max(logP - logQ, -20), 20))) : 0;
  });
}
