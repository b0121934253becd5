import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { addRmsNormBackward, addRmsNormForward, rmsNormBackward, rmsNormForward } from './index.js';
import {
  expectGradient,
  expectSameOnAnyThreads,
  expectWithin,
  inner,
  mixedFloats,
  onEveryIsa,
  roundoff,
  seed,
  size,
} from './kernel-laws.testing.js';
import { rmsNormReference } from './reference/index.js';

function forward(x: Float32Array, weight: Float32Array, n: number, d: number, eps = 1e-6) {
  const y = new Float32Array(n * d);
  const rstd = new Float32Array(n);
  rmsNormForward(x, weight, y, rstd, { n, d, eps });
  return { y, rstd };
}

describe('rmsNorm', () => {
  test('agrees with float64 for tiny, ordinary and huge rows', () => {
    onEveryIsa(() => {
      fc.assert(
        fc.property(size, size, seed, fc.constantFrom(1e-12, 1, 1e15), (n, d, start, scale) => {
          const x = mixedFloats(start, n * d, scale);
          const weight = mixedFloats(start + 1, d);
          const expected = rmsNormReference(x, weight, { n, d, eps: 1e-6 });
          // The sum of squares rounds at most d times, the root halves that; a few more roundings follow.
          expectWithin(
            forward(x, weight, n, d).y,
            expected,
            (i) => (d + 8) * roundoff * Math.abs(expected[i]!) + 1e-37,
          );
        }),
        { numRuns: 60 },
      );
    });
  });

  test('gradients are slopes of the float64 loss', () => {
    onEveryIsa(() => {
      fc.assert(
        fc.property(fc.integer({ min: 1, max: 6 }), fc.integer({ min: 1, max: 40 }), seed, (n, d, start) => {
          // Away from the origin, where the slope changes within the step.
          const x = mixedFloats(start, n * d).map((value) => value + Math.sign(value) * 0.5);
          const weight = mixedFloats(start + 1, d);
          const dy = mixedFloats(start + 2, n * d);
          const { rstd } = forward(x, weight, n, d);
          const dx = new Float32Array(n * d);
          const dWeight = new Float32Array(d);
          rmsNormBackward(dy, x, weight, rstd, dx, dWeight, { n, d });
          const loss = (inputs: readonly Float64Array[]) =>
            inner(dy, rmsNormReference(inputs[0]!, inputs[1]!, { n, d, eps: 1e-6 }));
          expectGradient([x, weight], [dx, dWeight], loss, 1e-5 + n * d * 1e-6);
        }),
        { numRuns: 40 },
      );
    });
  });

  test('of a sum has the bits of both steps, forward and backward', () => {
    onEveryIsa(() => {
      fc.assert(
        fc.property(size, size, seed, (n, d, start) => {
          const [x, delta, dy, dSum] = [0, 1, 2, 3].map((i) => mixedFloats(start + i, n * d)) as [
            Float32Array,
            Float32Array,
            Float32Array,
            Float32Array,
          ];
          const weight = mixedFloats(start + 4, d);
          const total = x.map((value, i) => value + delta[i]!);
          const apart = forward(total, weight, n, d);
          const [sum, y, rstd] = [new Float32Array(n * d), new Float32Array(n * d), new Float32Array(n)];
          addRmsNormForward(x, delta, weight, sum, y, rstd, { n, d, eps: 1e-6 });
          expect([sum, y, rstd]).toEqual([total, apart.y, apart.rstd]);

          const [dx, both] = [new Float32Array(n * d), new Float32Array(n * d)];
          const [dWeight, dWeightOfBoth] = [mixedFloats(start + 5, d), mixedFloats(start + 5, d)];
          rmsNormBackward(dy, total, weight, rstd, dx, dWeight, { n, d });
          addRmsNormBackward(dy, dSum, total, weight, rstd, both, dWeightOfBoth, { n, d });
          expect(both).toEqual(dx.map((value, i) => value + dSum[i]!));
          expect(dWeightOfBoth).toEqual(dWeight);
        }),
        { numRuns: 40 },
      );
    });
  });

  test('gives the same bits on any number of threads', () => {
    const [n, d] = [900, 70];
    const x = mixedFloats(1, n * d);
    const weight = mixedFloats(2, d);
    expectSameOnAnyThreads(() => {
      const { y, rstd } = forward(x, weight, n, d);
      const dx = new Float32Array(n * d);
      const dWeight = new Float32Array(d);
      rmsNormBackward(y, x, weight, rstd, dx, dWeight, { n, d });
      return [y, rstd, dx, dWeight];
    });
  });

  test('a NaN stays in its row', () => {
    const x = mixedFloats(1, 3 * 20);
    x[25] = Number.NaN;
    const { y } = forward(x, mixedFloats(2, 20), 3, 20);
    for (const [i, value] of y.entries()) expect(Number.isNaN(value)).toBe(i >= 20 && i < 40);
  });
});
