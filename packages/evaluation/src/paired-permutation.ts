import { counterWords } from '@parl-mt/native';

export interface PermutationTest {
  /** Mean of first - second. */
  readonly statistic: number;
  readonly p: number;
  /** All sign patterns were tried; else p is estimated from random ones. */
  readonly isExact: boolean;
}

export interface PermutationOptions {
  /** Default 'two-sided': twice the smaller one-sided p, at most 1. */
  readonly alternative?: 'two-sided' | 'greater' | 'less';
  /** Random sign patterns where there are too many to try all; >= 100. Default 20000. */
  readonly samples?: number;
  /** Of the random patterns; an integer >= 0. Default 0. */
  readonly seed?: number;
}

/** Pairs up to which all 2^n patterns are tried. */
const MOST_EXACT_PAIRS = 20;

/**
 * Paired permutation test of the mean difference: swapping the two values of a pair is as likely as not under the null hypothesis.
 * The observed pattern is one of all; ties count as at least as extreme.
 *
 * @param first - one value a task. @param second - the other method's, task by task.
 * @throws {RangeError} for no pairs, different lengths or a value that is not finite.
 * @see Fisher 1935; Good, "Permutation, parametric and bootstrap tests of hypotheses".
 */
export function pairedPermutationTest(
  first: readonly number[],
  second: readonly number[],
  { alternative = 'two-sided', samples = 20_000, seed = 0 }: PermutationOptions = {},
): PermutationTest {
  if (first.length === 0 || first.length !== second.length) {
    throw new RangeError(
      `expected as many values of both, at least one, received ${first.length} and ${second.length}`,
    );
  }
  const differences = first.map((value, i) => value - second[i]!);
  const bad = differences.findIndex((difference) => !Number.isFinite(difference));
  if (bad >= 0)
    throw new RangeError(`expected finite values, received ${first[bad]} and ${second[bad]} at index ${bad}`);
  if (!(samples >= 100)) throw new RangeError(`expected samples to be >= 100, received ${samples}`);
  const observed = sum(differences);
  // Sums that are equal in exact arithmetic may differ by roundings.
  const slack = 1e-12 * sum(differences.map(Math.abs));
  const isExact = differences.length <= MOST_EXACT_PAIRS;
  const counts = isExact
    ? allPatterns(differences, observed, slack)
    : randomPatterns(differences, observed, slack, samples, seed);
  const greater = Math.min(1, counts.atLeast / counts.patterns);
  const less = Math.min(1, counts.atMost / counts.patterns);
  const p = { greater, less, 'two-sided': Math.min(1, 2 * Math.min(greater, less)) }[alternative];
  return { statistic: observed / differences.length, p, isExact };
}

interface Counts {
  readonly atLeast: number;
  readonly atMost: number;
  readonly patterns: number;
}

function allPatterns(differences: readonly number[], observed: number, slack: number): Counts {
  const patterns = 2 ** differences.length;
  let [atLeast, atMost] = [0, 0];
  for (let pattern = 0; pattern < patterns; pattern += 1) {
    let value = 0;
    for (let i = 0; i < differences.length; i += 1) value += (pattern >>> i) & 1 ? -differences[i]! : differences[i]!;
    if (value >= observed - slack) atLeast += 1;
    if (value <= observed + slack) atMost += 1;
  }
  return { atLeast, atMost, patterns };
}

/** Random patterns and the observed one, so that p is never 0 and the test keeps its level. */
function randomPatterns(
  differences: readonly number[],
  observed: number,
  slack: number,
  samples: number,
  seed: number,
): Counts {
  const wordsEach = Math.ceil(differences.length / 32);
  const key = [BigInt(seed) & 0xffffffffn, (BigInt(seed) >> 32n) & 0xffffffffn];
  let [atLeast, atMost] = [1, 1];
  for (let sample = 0; sample < samples; sample += 1) {
    const words = counterWords('philox4x32', { counter: [0n, BigInt(sample), 0x7065726dn, 0n], key }, wordsEach);
    let value = 0;
    for (let i = 0; i < differences.length; i += 1) {
      value += (words[i >>> 5]! >>> (i & 31)) & 1 ? -differences[i]! : differences[i]!;
    }
    if (value >= observed - slack) atLeast += 1;
    if (value <= observed + slack) atMost += 1;
  }
  return { atLeast, atMost, patterns: samples + 1 };
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
