import { UsageError } from '@parl-mt/schema';

const BARS = '▁▂▃▄▅▆▇█';

/**
 * A long series as means over consecutive parts, the sizes of which differ by one at most: what a noisy curve does on the whole.
 *
 * @param values - in the order of the updates; finite.
 * @param parts - at least 1; a shorter series gives one part per value.
 */
export function partMeans(values: readonly number[], parts: number): number[] {
  if (!Number.isInteger(parts) || parts < 1) throw new UsageError(`expected parts of at least 1, received ${parts}`);
  const count = Math.min(parts, values.length);
  return Array.from({ length: count }, (_, part) => {
    const own = values.slice(
      Math.floor((part * values.length) / count),
      Math.floor(((part + 1) * values.length) / count),
    );
    return own.reduce((sum, value) => sum + value, 0) / own.length;
  });
}

/**
 * A curve on one line: `0.526 ▁▃▅█ 0.601 (50 values; 0.526 0.541 0.580 0.601)`. Bars span the least to the greatest part.
 *
 * @returns "no values" for an empty series.
 */
export function formatCurve(values: readonly number[], parts = 8): string {
  const means = partMeans(values, parts);
  if (means.length === 0) return 'no values';
  const least = Math.min(...means);
  const span = Math.max(...means) - least;
  const bars = means.map((mean) => BARS[span === 0 ? 0 : Math.round(((mean - least) / span) * (BARS.length - 1))]);
  const texts = means.map((mean) => mean.toFixed(3));
  return `${texts[0]} ${bars.join('')} ${texts.at(-1)} (${values.length} values; ${texts.join(' ')})`;
}
