import fc from 'fast-check';
import { expect, test } from 'vitest';
import { logprobForward, probabilitySquares } from './index.js';
import { expectSameOnAnyThreads, mixedFloats, onEveryIsa, seed, size } from './kernel-laws.testing.js';
import { probabilitySquaresReference } from './reference/index.js';

test('agrees with the reference on every instruction set', () => {
  fc.assert(
    fc.property(
      seed,
      fc.nat(4),
      size,
      fc.constantFrom(0.01, 1, 40, 1e4),
      fc.constantFrom(0.5, 1, 3),
      (drawn, n, columns, scale, temperature) => {
        const v = columns + 1;
        const logits = mixedFloats(drawn, n * v, scale);
        onEveryIsa(() => {
          const squares = probabilitySquares(logits, { n, v, temperature });
          for (const [row, value] of squares.entries()) {
            const expected = probabilitySquaresReference(logits.subarray(row * v, (row + 1) * v), temperature);
            // z / T is rounded to float32: e^z is off by |z| 2^-24, and so is each probability.
            expect(Math.abs(value - expected)).toBeLessThanOrEqual(2e-6 + (4 * 2 ** -24 * scale) / temperature);
          }
        });
      },
    ),
  );
});

test('lies between 1 / v and 1, and is e^-H where all tokens that have a chance have the same', () => {
  fc.assert(
    fc.property(seed, size, fc.double({ min: 0, max: 50, noNaN: true }), (drawn, columns, scale) => {
      const v = columns + 1;
      const [square] = probabilitySquares(mixedFloats(drawn, v, scale), { n: 1, v });
      expect(square).toBeGreaterThanOrEqual((1 - 1e-5) / v);
      expect(square).toBeLessThanOrEqual(1 + 1e-6);
    }),
  );
  const logits = Float32Array.of(2, Number.NEGATIVE_INFINITY, 2, 2, Number.NEGATIVE_INFINITY);
  const { entropies } = logprobForward(logits, Int32Array.of(0), { n: 1, v: 5 });
  expect(probabilitySquares(logits, { n: 1, v: 5 })[0]).toBeCloseTo(Math.exp(-entropies[0]!), 6);
});

test('the thread count changes no bit', () => {
  const logits = mixedFloats(5, 300 * 257, 4);
  expectSameOnAnyThreads(() => [probabilitySquares(logits, { n: 300, v: 257 })]);
});

test('shapes and options are checked', () => {
  expect(() => probabilitySquares(new Float32Array(5), { n: 2, v: 3 })).toThrow('expected logits.length to be n v 6');
  expect(() => probabilitySquares(new Float32Array(0), { n: 0, v: 0 })).toThrow('expected v to be at least 1');
  expect(() => probabilitySquares(new Float32Array(3), { n: 1, v: 3, temperature: 0 })).toThrow('expected temperature');
});
