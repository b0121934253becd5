import fc from 'fast-check';
import { describe, test } from 'vitest';
import { ropeApply } from './index.js';
import {
  expectSameOnAnyThreads,
  expectWithin,
  mixedFloats,
  onEveryIsa,
  roundoff,
  seed,
} from './kernel-laws.testing.js';
import { ropeReference } from './reference/index.js';

const shape = fc.record({
  n: fc.nat(10),
  heads: fc.nat(5),
  headDim: fc.nat(40).map((half) => 2 * half),
  theta: fc.constantFrom(10000, 500000, 1e6),
});
/** Mostly ordinary ones; the largest lie beyond the table. */
const position = fc.oneof({ weight: 9, arbitrary: fc.nat(4000) }, { weight: 1, arbitrary: fc.nat(100_000) });

describe('ropeApply', () => {
  test('agrees with float64, in place or not, and its inverse undoes it', () => {
    onEveryIsa(() => {
      fc.assert(
        fc.property(shape, seed, fc.array(position, { minLength: 10, maxLength: 10 }), (s, start, list) => {
          const positions = Int32Array.from(list.slice(0, s.n));
          const x = mixedFloats(start, s.n * s.heads * s.headDim);
          const out = x.slice();
          ropeApply(out, positions, out, s);
          // The angle is a product of two rounded floats, at most `position` radians; then a few roundings.
          const width = s.heads * s.headDim;
          const tolerance = (i: number) => (4 * positions[Math.floor(i / width)]! + 8) * roundoff;
          expectWithin(out, ropeReference(x, positions, s), tolerance);
          ropeApply(out, positions, out, { ...s, inverse: true });
          expectWithin(out, x, () => 16 * roundoff);
        }),
        { numRuns: 60 },
      );
    });
  });

  test('given frequencies and a scale agree with float64', () => {
    onEveryIsa(() => {
      fc.assert(
        fc.property(shape, seed, fc.double({ min: 0.5, max: 2, noNaN: true }), (s, start, scale) => {
          const positions = Int32Array.from({ length: s.n }, (_, i) => (i * 7919) % 5000);
          const x = mixedFloats(start, s.n * s.heads * s.headDim);
          const frequencies = mixedFloats(start + 1, s.headDim / 2, 0.5).map(Math.abs);
          const options = { ...s, frequencies, scale };
          const out = new Float32Array(x.length);
          ropeApply(x, positions, out, options);
          const width = s.heads * s.headDim;
          const tolerance = (i: number) => scale * (2 * positions[Math.floor(i / width)]! + 8) * roundoff;
          expectWithin(out, ropeReference(x, positions, options), tolerance);
        }),
        { numRuns: 40 },
      );
    });
  });

  test('gives the same bits on any number of threads', () => {
    const x = mixedFloats(1, 3000 * 64);
    const positions = Int32Array.from({ length: 3000 }, (_, i) => (i * 37) % 2048);
    expectSameOnAnyThreads(() => {
      const out = new Float32Array(x.length);
      ropeApply(x, positions, out, { n: 3000, heads: 2, headDim: 32, theta: 10000 });
      return [out];
    });
  });
});
