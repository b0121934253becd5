import { estimatedJaccard, gramKeys, hashPermutations, minHash, tokenBatch } from '@parl-mt/native';
import { type FixtureCase, numberOf, vectorOf } from './fixture.js';
import type { FixtureFile } from './report.js';
import { type Comparison, compared, type Verdict } from './verdict.js';

export const minHashSpread: FixtureFile = { file: 'minhash.jsonl', judge };

/** Our estimates use so many times the seeds of the recorded ones: their own chance then hides nothing and fails nothing. */
const MORE_SEEDS = 16;

/**
 * The permutations of two implementations differ, so the comparison is statistical, within what the recorded number of seeds
 * allows: the mean of the estimates within 3 standard errors of the true similarity, and their spread that of a binomial, within
 * the spread of a spread, about 3 / sqrt(2 (seeds - 1)) of it, and half a step of an estimate.
 */
function judge({ options, inputs, outputs }: FixtureCase): Verdict {
  const seeds = numberOf(options['seeds']);
  const truth = numberOf(outputs['jaccard']);
  const keys = gramKeys(tokenBatch([vectorOf(inputs['a']), vectorOf(inputs['b'])]), { n: 1 });
  const comparisons: Comparison[] = [];
  for (const hashes of [128, 256]) {
    const recorded = outputs[String(hashes)] as Readonly<Record<string, unknown>>;
    const binomial = numberOf(recorded['binomial_std']);
    const drawn = MORE_SEEDS * seeds;
    const estimates = Array.from({ length: drawn }, (_, seed) =>
      estimatedJaccard(minHash(keys, hashPermutations({ hashes, seed })), 0, 1),
    );
    const mean = estimates.reduce((sum, value) => sum + value, 0) / drawn;
    const spread = Math.sqrt(estimates.reduce((sum, value) => sum + (value - mean) ** 2, 0) / drawn);
    comparisons.push(
      within(`mean of estimates, ${hashes} permutations`, Math.abs(mean - truth), (3 * binomial) / Math.sqrt(seeds)),
      within(
        `spread of estimates, ${hashes} permutations`,
        Math.abs(spread - binomial),
        binomial === 0 ? 0 : (3 * binomial) / Math.sqrt(2 * (seeds - 1)) + 0.5 / hashes,
      ),
    );
  }
  return compared(...comparisons);
}

function within(what: string, error: number, allowed: number): Comparison {
  return { what, error, ratio: error === 0 ? 0 : error / allowed };
}
