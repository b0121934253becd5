/** Distinct means of resamples up to which the distribution is worked out. */
const MOST_ATOMS = 100_000;

/**
 * Quantiles of the mean over all n^n resamples: what the percentile bootstrap tends to with more of them. Works for any number of
 * values that take few distinct ones (0 and 1), and for about ten that are all different.
 *
 * @param values - finite. @param shares - each in 0..1.
 * @returns for each share the smallest mean whose probability of not being exceeded reaches it (inverse distribution function).
 * @throws {RangeError} for no values, a value that is not finite, a share out of range, or more than 100,000 distinct means.
 */
export function exactBootstrapQuantiles(values: readonly number[], shares: readonly number[]): number[] {
  if (values.length === 0) throw new RangeError('expected at least one value, received none');
  const bad = values.findIndex((value) => !Number.isFinite(value));
  if (bad >= 0) throw new RangeError(`expected finite values, received ${values[bad]} at index ${bad}`);
  const outside = shares.find((share) => !(share >= 0 && share <= 1));
  if (outside !== undefined) throw new RangeError(`expected shares in 0..1, received ${outside}`);
  const atoms = sumDistribution(values).sort(([a], [b]) => a - b);
  return shares.map((share) => {
    let reached = 0;
    for (const [sum, probability] of atoms) {
      reached += probability;
      // Probabilities that add up to the share in exact arithmetic may miss it by roundings.
      if (reached >= share - 1e-12) return sum / values.length;
    }
    return atoms.at(-1)![0] / values.length;
  });
}

/** [sum, probability] of n draws with replacement, one draw after the other; sums that roundings tell apart are one. */
function sumDistribution(values: readonly number[]): [number, number][] {
  const counts = new Map<number, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  const scale = values.reduce((most, value) => Math.max(most, Math.abs(value)), 0) * values.length;
  const keyOf = (sum: number): number => (scale === 0 ? 0 : Math.round((sum / scale) * 2 ** 44));
  let atoms = new Map<number, [number, number]>([[0, [0, 1]]]);
  for (let draw = 0; draw < values.length; draw += 1) {
    const next = new Map<number, [number, number]>();
    for (const [sum, probability] of atoms.values()) {
      for (const [value, count] of counts) {
        const chance = (probability * count) / values.length;
        const key = keyOf(sum + value);
        const found = next.get(key);
        if (found === undefined) next.set(key, [sum + value, chance]);
        else found[1] += chance;
      }
      if (next.size > MOST_ATOMS) {
        throw new RangeError(
          `expected at most ${MOST_ATOMS} distinct means of resamples, received more: resample instead`,
        );
      }
    }
    atoms = next;
  }
  return [...atoms.values()];
}
