import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  estimatedJaccard,
  gramKeys,
  hashPermutations,
  minHash,
  minHashTexts,
  ngramJaccard,
  ngramRepetition,
  rougeN,
  tokenBatch,
} from './index.js';
import { onEveryIsa } from './kernel-laws.testing.js';
import {
  gramKeysReference,
  minHashReference,
  ngramJaccardReference,
  ngramRepetitionReference,
} from './reference/index.js';

const sequence = fc.oneof(
  fc.array(fc.integer({ min: -1, max: 3 }), { maxLength: 60 }),
  fc.array(fc.integer(), { maxLength: 20 }),
);

describe('minHash', () => {
  test('agrees with every permutation over every key, on every instruction set', () => {
    fc.assert(
      fc.property(
        fc.array(sequence, { maxLength: 5 }),
        fc.integer({ min: 1, max: 5 }),
        fc.integer({ min: 1, max: 140 }),
        fc.boolean(),
        (all, n, hashes, isMixed) => {
          const permutations = hashPermutations({ hashes, seed: n });
          const sets = gramKeys(tokenBatch(all), { n, isMixed });
          const expected = all.map((tokens) => gramKeysReference(tokens, n, isMixed));
          expect([...sets.keys]).toEqual(expected.flatMap((keys) => [...keys]));
          onEveryIsa(() => {
            const { values } = minHash(sets, permutations);
            expect([...values]).toEqual(expected.flatMap((keys) => [...minHashReference(keys, permutations)]));
          });
        },
      ),
      { numRuns: 60 },
    );
  });

  test('equal sets have equal signatures, whatever the order and the repeats', () => {
    fc.assert(
      fc.property(fc.array(fc.integer(), { minLength: 1, maxLength: 30 }), fc.nat(), (tokens, seed) => {
        const sets = gramKeys(tokenBatch([tokens, [...tokens, ...tokens].reverse()]), { n: 1 });
        expect(estimatedJaccard(minHash(sets, hashPermutations({ hashes: 16, seed })), 0, 1)).toBe(1);
      }),
    );
  });

  test('estimates the similarity of sets', () => {
    // 300 of 500 elements shared: Jaccard 3/7; standard deviation of the mean over 40 seeds below 0.007.
    const a = Array.from({ length: 500 }, (_, i) => i);
    const b = Array.from({ length: 500 }, (_, i) => i + 200);
    const sets = gramKeys(tokenBatch([a, b]), { n: 1 });
    const estimates = Array.from({ length: 40 }, (_, seed) =>
      estimatedJaccard(minHash(sets, hashPermutations({ seed })), 0, 1),
    );
    const mean = estimates.reduce((sum, value) => sum + value, 0) / estimates.length;
    expect(Math.abs(mean - 3 / 7)).toBeLessThan(0.021);
  });

  test('of texts: words in order, white space of any kind', () => {
    const permutations = hashPermutations({ hashes: 32 });
    const { values, hashes } = minHashTexts(
      ['to be or not to be', 'to\tbe  or\nnot to be ', 'be to or not be to', ''],
      { n: 2 },
      permutations,
    );
    expect(hashes).toBe(32);
    const signatures = { values, hashes };
    expect(estimatedJaccard(signatures, 0, 1)).toBe(1);
    expect(estimatedJaccard(signatures, 0, 2)).toBeLessThan(0.5);
    expect(values.subarray(96).every((value) => value === 0xffffffff)).toBe(true);
  });

  test('arguments are checked', () => {
    const permutations = hashPermutations({ hashes: 4 });
    expect(() => hashPermutations({ hashes: 0 })).toThrow('expected hashes to be an integer in 1..4096, received 0');
    expect(() => hashPermutations({ seed: -1 })).toThrow('expected seed to be an integer >= 0');
    expect(() => gramKeys(tokenBatch([[1]]), { n: 0 })).toThrow('expected n to be an integer in 1..64, received 0');
    expect(() => minHashTexts([7 as unknown as string], { n: 1 }, permutations)).toThrow(
      'expected texts[0] to be a string',
    );
    expect(() => minHash({ keys: new Uint32Array(3), offsets: Int32Array.of(0, 2) }, permutations)).toThrow(
      'the last entry of offsets to be 3',
    );
    expect(() => estimatedJaccard({ values: new Uint32Array(8), hashes: 4 }, 0, 2)).toThrow(
      'expected a set in 0..1, received 2',
    );
  });
});

describe('n-gram measures', () => {
  const n = fc.oneof(fc.integer({ min: 1, max: 5 }), fc.constant(2 ** 40));
  test('ngramJaccard and ngramRepetition agree with maps of grams', () => {
    fc.assert(
      fc.property(sequence, sequence, n, fc.constantFrom('distinct', 'multiset'), (a, b, size, counting) => {
        const [x, y] = [tokenBatch([a, b]), tokenBatch([b, a])];
        const small = Math.min(size, 300);
        const expected = ngramJaccardReference(a, b, small, counting);
        expect([...ngramJaccard(x, y, { n: size, counting })]).toEqual([expected, expected]);
        expect([...ngramRepetition(x, { n: size })]).toEqual(
          [a, b].map((tokens) => ngramRepetitionReference(tokens, small)),
        );
      }),
    );
  });
  test('ROUGE-N swaps precision and recall with its sides', () => {
    fc.assert(
      fc.property(sequence, sequence, n, (a, b, size) => {
        const [forth, back] = [
          rougeN(tokenBatch([a]), tokenBatch([b]), { n: size }),
          rougeN(tokenBatch([b]), tokenBatch([a]), { n: size }),
        ];
        expect([forth.precision[0], forth.recall[0], forth.f[0]]).toEqual([
          back.recall[0],
          back.precision[0],
          back.f[0],
        ]);
      }),
    );
    const { precision, recall, f } = rougeN(tokenBatch([[1, 2, 1, 2, 3]]), tokenBatch([[1, 2, 3, 4]]), { n: 2 });
    expect([precision[0], recall[0], f[0]]).toEqual([0.5, 2 / 3, expect.closeTo(4 / 7, 12)]);
    expect(() => rougeN(tokenBatch([[1]]), tokenBatch([[1]]), { n: 0 })).toThrow('expected n to be a positive integer');
    expect(() =>
      ngramJaccard(tokenBatch([[1]]), tokenBatch([[1]]), { n: 1, counting: 'positions' as 'distinct' }),
    ).toThrow('expected counting to be one of distinct, multiset');
  });
});
