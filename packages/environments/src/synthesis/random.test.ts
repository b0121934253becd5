import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Random } from './random.js';

const WORD = 0xffffffffn;

/** splitmix32 with arbitrary-precision integers, written from its definition. */
function splitmix32(state: bigint): bigint {
  let z = (state + 0x9e3779b9n) & WORD;
  z = ((z ^ (z >> 16n)) * 0x21f0aaadn) & WORD;
  z = ((z ^ (z >> 15n)) * 0x735a2d97n) & WORD;
  return z ^ (z >> 15n);
}

/** sfc32 with arbitrary-precision integers: Doty-Humphrey's a, b, c and counter. */
function* sfc32(seed: bigint): Generator<number> {
  const hash = splitmix32(splitmix32(seed & WORD) ^ (seed >> 32n));
  let a = splitmix32(hash);
  let b = splitmix32(a);
  let c = splitmix32(b);
  for (let counter = 1n; ; counter++) {
    const sum = (a + b + counter) & WORD;
    a = b ^ (b >> 9n);
    b = (c + (c << 3n)) & WORD;
    c = ((((c << 21n) & WORD) | (c >> 11n)) + sum) & WORD;
    if (counter > 12n) yield Number(sum);
  }
}

test('draws what sfc32 seeded by splitmix32 draws in arbitrary precision', () => {
  fc.assert(
    fc.property(fc.nat({ max: Number.MAX_SAFE_INTEGER }), (seed) => {
      const random = new Random(seed);
      const reference = sfc32(BigInt(seed));
      for (let i = 0; i < 20; i++) expect(random.bits()).toBe(reference.next().value);
    }),
  );
});

test('streams differ with every seed and with the order of seeds', () => {
  const streams = [[1], [2], [2 ** 32], [1, 2], [2, 1], [1, 2, 0]].map((seeds) => new Random(...seeds).bits());
  expect(new Set(streams).size).toBe(6);
});

test('integers fill their range evenly', () => {
  const random = new Random(7);
  const counts = [0, 0, 0, 0, 0, 0];
  for (let i = 0; i < 60_000; i++) counts[random.integer(0, 5)]!++;
  // Chi-square with 5 degrees of freedom: 20.5 is passed once in a thousand seeds.
  expect(counts.reduce((sum, count) => sum + (count - 10_000) ** 2 / 10_000, 0)).toBeLessThan(20.5);
});

test('a weighted pick keeps to the weights and never takes weight 0', () => {
  const random = new Random(3);
  const counts = { never: 0, once: 0, thrice: 0 };
  const weights = { never: 0, once: 1, thrice: 3 };
  for (let i = 0; i < 40_000; i++) {
    const picked = random.pickWeighted(['never', 'once', 'thrice'] as const, (name) => weights[name]);
    counts[picked!]++;
  }
  expect(counts.never).toBe(0);
  // Standard deviation sqrt(40000 * 0.25 * 0.75) = 87.
  expect(Math.abs(counts.once - 10_000)).toBeLessThan(400);
  expect(random.pickWeighted(['never'], () => 0)).toBeUndefined();
});

test('shuffling keeps the items, and a sample holds different ones', () => {
  fc.assert(
    fc.property(fc.nat(), fc.uniqueArray(fc.integer()), fc.nat({ max: 5 }), (seed, items, count) => {
      const random = new Random(seed);
      expect(random.shuffle(items).sort()).toEqual([...items].sort());
      const sample = random.sample(items, count);
      expect(new Set(sample).size).toBe(Math.min(count, items.length));
      expect(sample.every((item) => items.includes(item))).toBe(true);
    }),
  );
});
