import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { embeddingBackward, embeddingForward, ShapeError } from './index.js';
import { expectSameOnAnyThreads, mixedFloats, onEveryIsa, seed, size } from './kernel-laws.testing.js';

describe('embedding', () => {
  test('looks rows up, and adds gradients of repeated ids', () => {
    const out = new Float32Array(6);
    embeddingForward(Float32Array.of(1, 2, 3, 4, 5, 6), Int32Array.of(2, 0, 2), out, { d: 2 });
    expect([...out]).toEqual([5, 6, 1, 2, 5, 6]);
    const dWeight = Float32Array.of(1, 1, 1, 1, 1, 1);
    embeddingBackward(out, Int32Array.of(2, 0, 2), dWeight, { d: 2, vocab: 3 });
    expect([...dWeight]).toEqual([2, 3, 1, 1, 11, 13]);
  });

  test('an id outside the vocabulary is named', () => {
    const weight = new Float32Array(6);
    expect(() => embeddingForward(weight, Int32Array.of(0, 3), new Float32Array(4), { d: 2 })).toThrow(
      new ShapeError('embeddingForward: expected ids[1] to be in 0..2, received 3'),
    );
    expect(() => embeddingBackward(new Float32Array(2), Int32Array.of(-1), weight, { d: 2, vocab: 3 })).toThrow(
      'expected ids[0] to be in 0..2, received -1',
    );
  });

  test('forward and backward are each other transposed: <dOut, E(w)> = <E*(dOut), w>', () => {
    onEveryIsa(() => {
      fc.assert(
        fc.property(
          size,
          fc.integer({ min: 1, max: 40 }),
          fc.integer({ min: 1, max: 9 }),
          seed,
          (n, d, vocab, start) => {
            const ids = Int32Array.from({ length: n }, (_, i) => (i * i + start) % vocab);
            // Small integers, so that sums are exact in any order.
            const weight = mixedFloats(start, vocab * d, 8).map(Math.round);
            const dOut = mixedFloats(start + 1, n * d, 8).map(Math.round);
            const out = new Float32Array(n * d);
            const dWeight = new Float32Array(vocab * d);
            embeddingForward(weight, ids, out, { d });
            embeddingBackward(dOut, ids, dWeight, { d, vocab });
            const product = (a: Float32Array, b: Float32Array) => a.reduce((sum, x, i) => sum + x * b[i]!, 0);
            expect(product(dWeight, weight)).toBe(product(dOut, out));
          },
        ),
        { numRuns: 60 },
      );
    });
  });

  test('gives the same bits on any number of threads', () => {
    const ids = Int32Array.from({ length: 3000 }, (_, i) => (i * i) % 11);
    const dOut = mixedFloats(1, 3000 * 70);
    expectSameOnAnyThreads(() => {
      const dWeight = new Float32Array(11 * 70);
      embeddingBackward(dOut, ids, dWeight, { d: 70, vocab: 11 });
      return [dWeight];
    });
  });
});
