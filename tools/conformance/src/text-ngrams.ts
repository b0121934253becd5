import { type GramCounting, ngramContainment, ngramJaccard, tokenBatch } from '@parl-mt/native';
import { ngramContainmentReference, ngramJaccardReference } from '@parl-mt/native/reference';
import { type FixtureCase, vectorOf } from './fixture.js';
import type { FixtureFile } from './report.js';
import { type Comparison, compared, compareNumber, float64, type Verdict } from './verdict.js';

export const textNgrams: FixtureFile = { file: 'text-ngrams.jsonl', judge };

const containments = { set: 'distinct', multiset: 'multiset', positions: 'positions' } as const satisfies Record<
  string,
  GramCounting
>;
const similarities = { set: 'distinct', multiset: 'multiset' } as const;

function judge({ inputs, outputs }: FixtureCase): Verdict {
  const [a, b] = [vectorOf(inputs['a']), vectorOf(inputs['b'])];
  const [first, second] = [tokenBatch([a]), tokenBatch([b])];
  const comparisons: Comparison[] = [];
  for (const [size, measures] of Object.entries(outputs)) {
    const n = Number(size);
    // Without a gram the share is undefined (null), ours is 0: nothing is restated.
    const expected = (name: string): number => (measures as Readonly<Record<string, number | null>>)[name] ?? 0;
    for (const [name, counting] of Object.entries(containments)) {
      const value = expected(`${name}_containment`);
      comparisons.push(
        compareNumber(
          `${name} containment, n = ${n}, native`,
          ngramContainment(first, second, { n, counting })[0]!,
          value,
          float64,
        ),
        compareNumber(
          `${name} containment, n = ${n}, reference`,
          ngramContainmentReference(a, b, n, counting),
          value,
          float64,
        ),
      );
    }
    for (const [name, counting] of Object.entries(similarities)) {
      const value = expected(`${name}_jaccard`);
      comparisons.push(
        compareNumber(
          `${name} Jaccard, n = ${n}, native`,
          ngramJaccard(first, second, { n, counting })[0]!,
          value,
          float64,
        ),
        compareNumber(`${name} Jaccard, n = ${n}, reference`, ngramJaccardReference(a, b, n, counting), value, float64),
      );
    }
  }
  return compared(...comparisons);
}
