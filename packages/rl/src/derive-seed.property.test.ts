import fc from 'fast-check';
import { expect, test } from 'vitest';
import { deriveSeed, permutation } from './derive-seed.js';

test('seeds are 53-bit integers, the same for the same path', () => {
  fc.assert(
    fc.property(fc.maxSafeNat(), fc.array(fc.nat(), { maxLength: 4 }), (seed, path) => {
      const derived = deriveSeed(seed, ...path);
      expect(Number.isSafeInteger(derived) && derived >= 0).toBe(true);
      expect(deriveSeed(seed, ...path)).toBe(derived);
    }),
  );
});

test('100,000 neighbouring paths give distinct seeds, with every bit set in about half of them', () => {
  const seeds = new Set<number>();
  const ones = new Array<number>(53).fill(0);
  for (let a = 0; a < 100; a += 1) {
    for (let b = 0; b < 1000; b += 1) {
      const seed = deriveSeed(1, a, b);
      seeds.add(seed);
      for (let bit = 0; bit < 53; bit += 1) ones[bit]! += Math.floor(seed / 2 ** bit) % 2;
    }
  }
  expect(seeds.size).toBe(100_000);
  // Standard deviation of a fair bit over 100,000 draws is 158; eight of them.
  for (const count of ones) expect(Math.abs(count - 50_000)).toBeLessThan(1265);
});

test('a permutation holds every index once', () => {
  fc.assert(
    fc.property(fc.nat({ max: 60 }), fc.nat(), (count, seed) => {
      expect(permutation(count, seed).sort((a, b) => a - b)).toEqual(Array.from({ length: count }, (_, i) => i));
    }),
  );
});
