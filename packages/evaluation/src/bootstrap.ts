/** A mean with its 95% interval. */
export interface Interval {
  readonly mean: number;
  readonly low: number;
  readonly high: number;
}

/**
 * Percentile bootstrap of the mean (Efron 1979): tasks are drawn with replacement, the interval holds the middle
 * 95% of the resampled means.
 *
 * @param values - one number per task; finite.
 * @param samples - resamples, at least 100.
 * @param seed - same seed, same interval.
 * @throws {RangeError} for no values or a value that is not finite.
 */
export function bootstrapMean(values: readonly number[], samples: number, seed: number): Interval {
  if (values.length === 0) throw new RangeError('expected at least one value to average, received none');
  const bad = values.findIndex((value) => !Number.isFinite(value));
  if (bad >= 0) throw new RangeError(`expected finite values, received ${values[bad]} at index ${bad}`);
  const means = new Float64Array(samples);
  const random = xorshift128(seed);
  for (let s = 0; s < samples; s += 1) {
    let sum = 0;
    for (let i = 0; i < values.length; i += 1) sum += values[Math.floor(random() * values.length)]!;
    means[s] = sum / values.length;
  }
  means.sort();
  return {
    mean: values.reduce((sum, value) => sum + value, 0) / values.length,
    low: quantile(means, 0.025),
    high: quantile(means, 0.975),
  };
}

/** Linear interpolation between order statistics (type 7 of Hyndman and Fan 1996). */
function quantile(sorted: Float64Array, share: number): number {
  const at = share * (sorted.length - 1);
  const below = Math.floor(at);
  const above = Math.min(below + 1, sorted.length - 1);
  return sorted[below]! + (at - below) * (sorted[above]! - sorted[below]!);
}

/** xorshift128 (Marsaglia 2003), uniform in [0, 1) with 32 bits. */
function xorshift128(seed: number): () => number {
  let x = (seed ^ 0x075bcd15) | 0;
  let y = 0x159a55e5;
  let z = 0x1f123bb5;
  let w = Math.floor(seed / 2 ** 32) ^ 0x05491333;
  const next = (): number => {
    const t = x ^ (x << 11);
    x = y;
    y = z;
    z = w;
    w = w ^ (w >>> 19) ^ t ^ (t >>> 8);
    return (w >>> 0) / 2 ** 32;
  };
  for (let i = 0; i < 20; i += 1) next();
  return next;
}
