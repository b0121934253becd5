import { describe, expect, test } from 'vitest';
import { rlFixture } from './fixtures.testing.js';
import { type GramCounting, lcsLengths, ngramContainment, rougeL, tokenBatch } from './index.js';

describe('tokenBatch', () => {
  test('packs sequences with offsets', () => {
    const batch = tokenBatch([[1, 2], [], [3]]);
    expect([...batch.tokens]).toEqual([1, 2, 3]);
    expect([...batch.offsets]).toEqual([0, 2, 2, 3]);
  });
});

describe('lcsLengths, rougeL, ngramContainment', () => {
  const candidates = tokenBatch([[1, 2, 3, 4], [], [5]]);
  const references = tokenBatch([[2, 9, 4], [1], [5]]);

  test('worked examples', () => {
    // The LCS of 1 2 3 4 and 2 9 4 is 2 4: precision 2/4, recall 2/3, f = 2 * 1/2 * 2/3 / (7/6) = 4/7.
    expect([...lcsLengths(candidates, references)]).toEqual([2, 0, 1]);
    const { precision, recall, f } = rougeL(candidates, references);
    expect([...precision]).toEqual([0.5, 0, 1]);
    expect([...recall]).toEqual([2 / 3, 0, 1]);
    expect(f[0]).toBeCloseTo(4 / 7, 15);
    // Bigrams of 1 2 1 2 3: 12 21 12 23. Of 1 2 3: 12 23.
    const a = tokenBatch([[1, 2, 1, 2, 3]]);
    const b = tokenBatch([[1, 2, 3]]);
    expect(ngramContainment(a, b, { n: 2 })[0]).toBe(3 / 4);
    expect(ngramContainment(a, b, { n: 2, counting: 'distinct' })[0]).toBe(2 / 3);
    expect(ngramContainment(a, b, { n: 2, counting: 'multiset' })[0]).toBe(2 / 4);
    expect(ngramContainment(b, a, { n: 4 })[0]).toBe(0);
  });

  test('no pairs, no scores', () => {
    expect(lcsLengths(tokenBatch([]), tokenBatch([]))).toHaveLength(0);
  });

  test('what does not fit is refused', () => {
    expect(() => lcsLengths(candidates, tokenBatch([[1]]))).toThrow(
      'expected b to hold 3 sequences as a does, received 1',
    );
    const broken = { tokens: new Int32Array(3), offsets: Int32Array.of(0, 2) };
    expect(() => rougeL(broken, candidates)).toThrow(
      'expected the last entry of candidates.offsets to be 3, received 2',
    );
    expect(() => ngramContainment(candidates, references, { n: 0 })).toThrow('expected n to be a positive integer');
    expect(() => ngramContainment(candidates, references, { n: 1, counting: 'bag' as GramCounting })).toThrow(
      'expected counting to be one of positions, distinct, multiset, received bag',
    );
  });
});

interface RougeInputs {
  readonly target: readonly number[];
  readonly prediction: readonly number[];
}
type Triple = readonly [number, number, number];
interface RougeOutputs {
  readonly lcs: number;
  readonly rouge1: Triple;
  readonly rouge2: Triple;
  readonly rougeL: Triple;
}
const rouge = rlFixture<RougeInputs, RougeOutputs>('text-rouge.jsonl');

describe.skipIf(!rouge)('rouge_score 0.1.2', () => {
  const cases = rouge ?? [];
  const candidates = tokenBatch(cases.map(({ inputs }) => inputs.prediction));
  const references = tokenBatch(cases.map(({ inputs }) => inputs.target));

  test('LCS lengths are equal', () => {
    expect([...lcsLengths(candidates, references)]).toEqual(cases.map(({ outputs }) => outputs.lcs));
  });

  test('ROUGE-L agrees, and ROUGE-N is multiset containment both ways', () => {
    const { precision, recall, f } = rougeL(candidates, references);
    const grams = [1, 2].map((n) => ({
      precision: ngramContainment(candidates, references, { n, counting: 'multiset' }),
      recall: ngramContainment(references, candidates, { n, counting: 'multiset' }),
    }));
    for (const [s, { name, outputs }] of cases.entries()) {
      const actual = [precision[s], recall[s], f[s], ...grams.flatMap((gram) => [gram.precision[s], gram.recall[s]])];
      const [rouge1, rouge2] = [outputs.rouge1, outputs.rouge2];
      const expected = [...outputs.rougeL, rouge1[0], rouge1[1], rouge2[0], rouge2[1]];
      // The fixture prints 12 digits.
      for (const [i, value] of expected.entries()) expect(actual[i], `${name} value ${i}`).toBeCloseTo(value, 11);
    }
  });
});

type Overlap = Readonly<Record<'set_containment' | 'multiset_containment' | 'positions_containment', number | null>>;
const ngrams = rlFixture<
  { readonly a: readonly number[]; readonly b: readonly number[] },
  Readonly<Record<string, Overlap>>
>('text-ngrams.jsonl');

describe.skipIf(!ngrams)('n-grams by Python sets and counters', () => {
  const cases = ngrams ?? [];
  const a = tokenBatch(cases.map(({ inputs }) => inputs.a));
  const b = tokenBatch(cases.map(({ inputs }) => inputs.b));

  test.each([1, 2, 3, 5])('n = %i', (n) => {
    const shares = (['distinct', 'multiset', 'positions'] as const).map((counting) =>
      ngramContainment(a, b, { n, counting }),
    );
    for (const [s, { name, outputs }] of cases.entries()) {
      const { set_containment, multiset_containment, positions_containment } = outputs[String(n)]!;
      for (const [i, value] of [set_containment, multiset_containment, positions_containment].entries()) {
        expect(shares[i]![s], `${name} value ${i}`).toBeCloseTo(value ?? 0, 11);
      }
    }
  });
});
