import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { exactBootstrapQuantiles } from './exact-bootstrap.js';
import { incompleteBeta } from './incomplete-beta.js';
import { mcnemarTest } from './mcnemar.js';
import { normalQuantile } from './normal-quantile.js';
import { pairedPermutationTest } from './paired-permutation.js';
import { passAtK, passHatK } from './pass-at-k.js';
import { exactInterval, wilsonInterval } from './proportion-interval.js';

/** P(X <= k) of Binomial(n, p), term by term. */
function binomialTail(k: number, n: number, p: number): number {
  let [term, sum] = [(1 - p) ** n, 0];
  for (let i = 0; i <= k; i += 1) {
    sum += term;
    term *= ((n - i) / (i + 1)) * (p / (1 - p));
  }
  return sum;
}

describe('normalQuantile and incompleteBeta', () => {
  test('published values', () => {
    // Tables of the normal distribution to 15 digits.
    expect(normalQuantile(0.975)).toBeCloseTo(1.959963984540054, 13);
    expect(normalQuantile(0.995)).toBeCloseTo(2.5758293035489, 12);
    expect(normalQuantile(1e-10)).toBeCloseTo(-6.361340902404056, 11);
    expect([normalQuantile(0.5), normalQuantile(0)]).toEqual([0, Number.NEGATIVE_INFINITY]);
    expect(() => normalQuantile(1.1)).toThrow('expected a probability in 0..1, received 1.1');
  });
  test('the incomplete beta function is a tail of the binomial distribution', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 60 }),
        fc.nat(60),
        fc.double({ min: 0.01, max: 0.99, noNaN: true }),
        (n, at, p) => {
          const k = at % n;
          expect(Math.abs(1 - incompleteBeta(k + 1, n - k, p) - binomialTail(k, n, p))).toBeLessThan(1e-11);
        },
      ),
    );
    expect(() => incompleteBeta(0, 1, 0.5)).toThrow('expected a > 0');
  });
});

describe('intervals of a proportion', () => {
  test('the exact one leaves half of what is not covered to either side', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 60 }),
        fc.nat(60),
        fc.constantFrom(0.8, 0.95, 0.99),
        (trials, at, confidence) => {
          const successes = at % (trials + 1);
          const { low, high } = exactInterval(successes, trials, { confidence });
          const tail = (1 - confidence) / 2;
          if (successes > 0) expect(1 - binomialTail(successes - 1, trials, low)).toBeCloseTo(tail, 9);
          if (successes < trials) expect(binomialTail(successes, trials, high)).toBeCloseTo(tail, 9);
          const wilson = wilsonInterval(successes, trials, { confidence });
          expect(wilson.low <= successes / trials && wilson.high >= successes / trials).toBe(true);
          const wide = wilsonInterval(successes, trials, { confidence, isContinuous: true });
          expect(wide.low <= wilson.low && wide.high >= wilson.high).toBe(true);
        },
      ),
    );
  });
  test('no successes, all successes, and counts out of range', () => {
    expect(exactInterval(0, 10).low).toBe(0);
    // 1 - 0.025^(1/10).
    expect(exactInterval(0, 10).high).toBeCloseTo(1 - 0.025 ** 0.1, 12);
    expect(wilsonInterval(10, 10).high).toBe(1);
    expect(() => wilsonInterval(11, 10)).toThrow('expected successes to be an integer in 0..10, received 11');
    expect(() => exactInterval(0, 0)).toThrow('expected trials to be an integer >= 1, received 0');
    expect(() => exactInterval(1, 2, { confidence: 1 })).toThrow('expected confidence');
  });
});

describe('paired tests', () => {
  test('McNemar is a binomial test of the tasks that only one method solved', () => {
    // 2 (1 + 6) / 2^6.
    expect(mcnemarTest(5, 1)).toBeCloseTo(14 / 64, 12);
    expect([mcnemarTest(0, 0), mcnemarTest(3, 3), mcnemarTest(1, 0)]).toEqual([1, 1, 1]);
    expect(mcnemarTest(1, 5)).toBe(mcnemarTest(5, 1));
    expect(() => mcnemarTest(-1, 2)).toThrow('expected counts to be integers >= 0, received -1');
  });
  test('for solved and failed the permutation test is McNemar', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.constantFrom(0, 1), fc.constantFrom(0, 1)), { minLength: 1, maxLength: 10 }),
        (pairs) => {
          const { p } = pairedPermutationTest(
            pairs.map(([a]) => a),
            pairs.map(([, b]) => b),
          );
          const only = (a: number, b: number): number => pairs.filter(([x, y]) => x === a && y === b).length;
          expect(p).toBeCloseTo(mcnemarTest(only(1, 0), only(0, 1)), 12);
        },
      ),
      { numRuns: 50 },
    );
  });
  test('random patterns come close to all of them, and the same seed gives the same p', () => {
    const first = Array.from({ length: 24 }, (_, i) => Math.sin(i) + 0.25);
    const second = first.map((_, i) => Math.cos(3 * i));
    const whole = pairedPermutationTest(first.slice(0, 20), second.slice(0, 20), { alternative: 'greater' });
    expect(whole.isExact).toBe(true);
    const [a, b] = [1, 1].map((seed) => pairedPermutationTest(first, second, { seed, samples: 4000 }));
    expect(a).toEqual(b);
    expect(a!.isExact).toBe(false);
    expect(a!.p).toBeGreaterThan(0);
    expect(() => pairedPermutationTest([1], [1, 2])).toThrow('expected as many values of both');
    expect(() => pairedPermutationTest([Number.NaN], [1])).toThrow('received NaN and 1 at index 0');
  });
});

test('pass@k and pass^k count draws without replacement', () => {
  // 4 trials, 2 successes, k = 2: 6 draws, 1 without and 1 with successes only.
  expect(passAtK(4, 2, 2)).toBeCloseTo(5 / 6, 12);
  expect(passHatK(4, 2, 2)).toBeCloseTo(1 / 6, 12);
  expect([passAtK(3, 0, 3), passHatK(3, 3, 3), passHatK(3, 2, 3)]).toEqual([0, 1, 0]);
  expect(() => passAtK(3, 1, 4)).toThrow('expected k to be an integer in 1..3, received 4');
});

describe('exactBootstrapQuantiles', () => {
  test('of two values: a quarter, a half, a quarter', () => {
    expect(exactBootstrapQuantiles([0, 1], [0.25, 0.26, 0.75, 0.76, 1])).toEqual([0, 0.5, 0.5, 1, 1]);
  });
  test('of 0 and 1: quantiles of the binomial distribution', () => {
    const values = Array.from({ length: 200 }, (_, i) => (i === 0 ? 1 : 0));
    const [low, high] = exactBootstrapQuantiles(values, [0.025, 0.975]);
    expect(low).toBe(0);
    const k = Math.round(high! * 200);
    expect(binomialTail(k, 200, 1 / 200)).toBeGreaterThanOrEqual(0.975);
    expect(binomialTail(k - 1, 200, 1 / 200)).toBeLessThan(0.975);
  });
  test('too many distinct means are refused', () => {
    const many = Array.from({ length: 14 }, (_, i) => Math.sqrt(i + 2));
    expect(() => exactBootstrapQuantiles(many, [0.5])).toThrow('resample instead');
    expect(() => exactBootstrapQuantiles([], [0.5])).toThrow('expected at least one value');
    expect(() => exactBootstrapQuantiles([1], [2])).toThrow('expected shares in 0..1, received 2');
  });
});
