import { callNative } from './call.js';
import { NativeValueError } from './errors.js';
import { expectRange } from './expect-range.js';
import { checkTokenRows, checkTokenValues, type TokenRows } from './token-rows.js';

/**
 * Off-policy sequence mask of DeepSeek-V3.2: takes out tokens with A < 0 of rows that the policy has moved away from, those whose
 * mean of (samplingLogprob - logprob) over sampled tokens is above the threshold.
 *
 * @param samplingLogprobs - [tokens]; NaN (not available) counts as no difference.
 * @returns [tokens], 1 where kept, 0 where taken out or not sampled.
 * @throws {ShapeError} if lengths differ. @throws {NativeValueError} for a threshold that is not finite.
 */
export function offPolicyMask(
  logprobs: Float32Array,
  samplingLogprobs: Float32Array,
  advantages: Float32Array,
  rows: TokenRows,
  { threshold }: { readonly threshold: number },
): Uint8Array {
  checkTokenRows(rows);
  for (const [name, values] of Object.entries({ logprobs, samplingLogprobs, advantages }))
    checkTokenValues(name, values, rows);
  if (!Number.isFinite(threshold)) throw new NativeValueError(`expected threshold to be finite, received ${threshold}`);
  const keep = new Uint8Array(rows.mask.length);
  callNative('offPolicyMask', logprobs, samplingLogprobs, advantages, rows.mask, rows.offsets, threshold, keep);
  return keep;
}

/**
 * Tokens of high entropy: sampled, and at or above the quantile of the entropies of all sampled tokens (linear interpolation).
 *
 * @param quantile - in 0..1; 0.8 keeps about the top fifth.
 * @returns [tokens], 1 where kept.
 * @throws {ShapeError} if lengths differ. @throws {NativeValueError} for a quantile outside 0..1.
 * @see Wang et al., arXiv:2506.01939.
 */
export function highEntropyMask(
  entropies: Float32Array,
  rows: TokenRows,
  { quantile }: { readonly quantile: number },
): Uint8Array {
  checkTokenRows(rows);
  checkTokenValues('entropies', entropies, rows);
  expectRange('quantile', quantile, 0, 1);
  const keep = new Uint8Array(rows.mask.length);
  callNative('highEntropyMask', entropies, rows.mask, quantile, keep);
  return keep;
}
