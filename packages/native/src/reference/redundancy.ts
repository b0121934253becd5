import type { GramCounting } from '../redundancy.js';

/** Length of the longest common subsequence, by the full table. */
export function lcsLengthReference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let previous = new Int32Array(b.length + 1);
  for (let i = 0; i < a.length; i++) {
    const row = new Int32Array(b.length + 1);
    for (let j = 0; j < b.length; j++) {
      row[j + 1] = a[i] === b[j] ? previous[j]! + 1 : Math.max(previous[j + 1]!, row[j]!);
    }
    previous = row;
  }
  return previous[b.length]!;
}

/** Share of the candidate's n-grams that occur in the reference, by maps of printed grams. */
export function ngramContainmentReference(
  candidate: ArrayLike<number>,
  reference: ArrayLike<number>,
  n: number,
  counting: GramCounting,
): number {
  const mine = countGrams(candidate, n);
  const theirs = countGrams(reference, n);
  let shared = 0;
  let total = 0;
  for (const [gram, count] of mine) {
    const other = theirs.get(gram) ?? 0;
    total += counting === 'distinct' ? 1 : count;
    if (counting === 'multiset') shared += Math.min(count, other);
    else if (other > 0) shared += counting === 'distinct' ? 1 : count;
  }
  return total === 0 ? 0 : shared / total;
}

/** Jaccard similarity of n-grams, by maps of printed grams. */
export function ngramJaccardReference(
  a: ArrayLike<number>,
  b: ArrayLike<number>,
  n: number,
  counting: 'distinct' | 'multiset',
): number {
  const [mine, theirs] = [countGrams(a, n), countGrams(b, n)];
  let [shared, all] = [0, 0];
  for (const gram of new Set([...mine.keys(), ...theirs.keys()])) {
    const counts = [mine.get(gram) ?? 0, theirs.get(gram) ?? 0].map((c) =>
      counting === 'distinct' ? Math.min(c, 1) : c,
    );
    shared += Math.min(...counts);
    all += Math.max(...counts);
  }
  return all === 0 ? 0 : shared / all;
}

/** Share of n-gram positions whose gram has occurred before, by a set of printed grams. */
export function ngramRepetitionReference(tokens: ArrayLike<number>, n: number): number {
  const grams = Math.max(0, tokens.length - n + 1);
  return grams === 0 ? 0 : 1 - countGrams(tokens, n).size / grams;
}

function countGrams(tokens: ArrayLike<number>, n: number): Map<string, number> {
  const counts = new Map<string, number>();
  for (let i = 0; i + n <= tokens.length; i++) {
    const gram = Array.from({ length: n }, (_, k) => tokens[i + k]).join();
    counts.set(gram, (counts.get(gram) ?? 0) + 1);
  }
  return counts;
}
