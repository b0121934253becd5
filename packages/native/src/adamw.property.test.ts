import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { adamwUpdate, globalNorm } from './index.js';
import {
  bits,
  expectSameOnAnyThreads,
  expectWithin,
  mixedFloats,
  onEveryIsa,
  roundoff,
  seed,
  size,
} from './kernel-laws.testing.js';
import { adamwReference } from './reference/index.js';

const options = fc.record({
  learningRate: fc.constantFrom(0, 1e-5, 1e-3, 0.1),
  beta1: fc.constantFrom(0, 0.9, 0.95),
  beta2: fc.constantFrom(0.9, 0.999),
  epsilon: fc.constantFrom(1e-8, 1e-4),
  step: fc.integer({ min: 1, max: 10_000 }),
  gradientScale: fc.constantFrom(1, 0.01, -2),
  weightDecay: fc.constantFrom(0, 0.1),
});

describe('adamwUpdate', () => {
  test('agrees with float64', () => {
    onEveryIsa(() => {
      fc.assert(
        fc.property(size, seed, options, (count, start, { weightDecay, ...o }) => {
          const parameter = mixedFloats(start, count);
          const gradient = mixedFloats(start + 1, count);
          const m = mixedFloats(start + 2, count, 0.1);
          const v = mixedFloats(start + 3, count, 0.1).map((x) => Math.abs(x) + 0.01);
          const before = Float64Array.from(parameter);
          const expected = adamwReference(parameter, gradient, m, v, { ...o, weightDecay });
          adamwUpdate([parameter], [gradient], [m], [v], { ...o, weightDecays: [weightDecay] });
          expectWithin(m, expected.m, () => 8 * roundoff);
          expectWithin(v, expected.v, () => 32 * roundoff); // up to 4 times a squared gradient
          // The parameter, below 2, rounds a few times; the update, a learning rate times a ratio, rounds relative to itself.
          const kept = before.map((x) => x * (1 - o.learningRate * weightDecay));
          expectWithin(
            parameter,
            expected.parameter,
            (i) => 4 * roundoff + 64 * roundoff * Math.abs(expected.parameter[i]! - kept[i]!),
          );
        }),
        { numRuns: 80 },
      );
    });
  });

  test('splitting a tensor, and threads, change no bit', () => {
    const gradient = mixedFloats(1, 50_000);
    const o = { learningRate: 1e-3, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, step: 3 };
    const run = (cuts: readonly number[]) => {
      const [parameter, m, v] = [mixedFloats(2, 50_000), mixedFloats(3, 50_000), mixedFloats(4, 50_000).map(Math.abs)];
      const split = (x: Float32Array) => cuts.map((cut, i) => x.subarray(cut, cuts[i + 1] ?? x.length));
      adamwUpdate(split(parameter), split(gradient), split(m), split(v), { ...o, weightDecays: cuts.map(() => 0.1) });
      return [parameter, m, v];
    };
    expectSameOnAnyThreads(() => run([0]));
    expect(run([0, 1, 777, 40_000]).map(bits)).toEqual(run([0]).map(bits));
  });
});

describe('globalNorm', () => {
  test('agrees with the plain sum and has the same bits on every instruction set', () => {
    fc.assert(
      fc.property(fc.array(size, { maxLength: 4 }), seed, fc.constantFrom(1e-30, 1, 1e30), (sizes, start, scale) => {
        const gradients = sizes.map((count, i) => mixedFloats(start + i, count, scale));
        const squares = gradients.flatMap((g) => [...g]).reduce((sum, x) => sum + x * x, 0);
        const norms = new Set<number>();
        onEveryIsa(() => norms.add(globalNorm(gradients)));
        expect(norms.size).toBe(1);
        const [norm] = norms;
        expect(Math.abs(norm! - Math.sqrt(squares))).toBeLessThanOrEqual(1e-13 * Math.sqrt(squares));
      }),
      { numRuns: 60 },
    );
  });
});
