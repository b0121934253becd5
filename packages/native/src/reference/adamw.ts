import type { AdamwOptions } from '../adamw.js';

/** One AdamW update of one tensor, in float64; returns the new parameter and moments. */
export function adamwReference(
  parameter: ArrayLike<number>,
  gradient: ArrayLike<number>,
  m: ArrayLike<number>,
  v: ArrayLike<number>,
  options: Omit<AdamwOptions, 'weightDecays'> & { readonly weightDecay: number },
): { readonly parameter: Float64Array; readonly m: Float64Array; readonly v: Float64Array } {
  const { learningRate, beta1, beta2, epsilon, weightDecay, step, gradientScale = 1 } = options;
  const g = Float64Array.from(gradient, (value) => value * gradientScale);
  const first = Float64Array.from(m, (value, i) => beta1 * value + (1 - beta1) * g[i]!);
  const second = Float64Array.from(v, (value, i) => beta2 * value + (1 - beta2) * g[i]! ** 2);
  const updated = Float64Array.from(parameter, (value, i) => {
    const mean = first[i]! / (1 - beta1 ** step);
    const spread = Math.sqrt(second[i]! / (1 - beta2 ** step)) + epsilon;
    return value * (1 - learningRate * weightDecay) - (learningRate * mean) / spread;
  });
  return { parameter: updated, m: first, v: second };
}
