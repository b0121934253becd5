import type { WhitenOptions } from '../masked-statistics.js';
import type { GaeOptions } from '../token-credit.js';

/** Rows of tokens for the references, which take any arrays. */
export interface ReferenceRows {
  readonly mask: ArrayLike<number>;
  readonly offsets: ArrayLike<number>;
}

/** `whiten`, in float64. */
export function whitenReference(
  values: ArrayLike<number>,
  mask: ArrayLike<number>,
  { epsilon = 1e-8, variance = 'sample', shiftMean = true }: WhitenOptions = {},
): Float64Array {
  const sampled = Array.from(values).filter((_, t) => mask[t] !== 0);
  const n = sampled.length;
  const mean = sampled.reduce((sum, value) => sum + value, 0) / n;
  const squares = sampled.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  const flat = sampled.every((value) => value === sampled[0]);
  const scale = flat ? 0 : 1 / Math.sqrt(squares / (variance === 'sample' ? n - 1 : n) + epsilon);
  return Float64Array.from(values, (value, t) => {
    if (mask[t] === 0) return 0;
    if (flat) return shiftMean ? 0 : value;
    return (value - mean) * scale + (shiftMean ? 0 : mean);
  });
}

/** `discountedReturns`, in float64; rewards outside the mask are ignored here. */
export function discountedReturnsReference(
  rewards: ArrayLike<number>,
  { mask, offsets }: ReferenceRows,
  { gamma = 1 }: { readonly gamma?: number } = {},
): Float64Array {
  const returns = new Float64Array(rewards.length);
  for (let row = 0; row + 1 < offsets.length; row++) {
    let carry = 0;
    for (let t = offsets[row + 1]! - 1; t >= offsets[row]!; t--) {
      if (mask[t] === 0) continue;
      carry = rewards[t]! + gamma * carry;
      returns[t] = carry;
    }
  }
  return returns;
}

/** `generalizedAdvantages`, in float64: drop the tokens that were not sampled, then the textbook recurrence. */
export function generalizedAdvantagesReference(
  rewards: ArrayLike<number>,
  values: ArrayLike<number>,
  { mask, offsets }: ReferenceRows,
  { gamma = 1, lambda = 0.95, whiten = true, epsilon = 1e-8 }: GaeOptions = {},
): { readonly advantages: Float64Array; readonly returns: Float64Array } {
  const advantages = new Float64Array(rewards.length);
  const returns = new Float64Array(rewards.length);
  for (let row = 0; row + 1 < offsets.length; row++) {
    const sampled: number[] = [];
    for (let t = offsets[row]!; t < offsets[row + 1]!; t++) if (mask[t] !== 0) sampled.push(t);
    for (let k = sampled.length - 1; k >= 0; k--) {
      const [t, next] = [sampled[k]!, sampled[k + 1]];
      const delta = rewards[t]! + (next === undefined ? 0 : gamma * values[next]!) - values[t]!;
      advantages[t] = delta + (next === undefined ? 0 : gamma * lambda * advantages[next]!);
      returns[t] = advantages[t]! + values[t]!;
    }
  }
  return { returns, advantages: whiten ? whitenReference(advantages, mask, { epsilon }) : advantages };
}

/** `broadcastToSampled`, in float64. */
export function broadcastToSampledReference(values: ArrayLike<number>, { mask, offsets }: ReferenceRows): Float64Array {
  const out = new Float64Array(mask.length);
  for (let row = 0; row + 1 < offsets.length; row++) {
    for (let t = offsets[row]!; t < offsets[row + 1]!; t++) out[t] = mask[t] === 0 ? 0 : values[row]!;
  }
  return out;
}
