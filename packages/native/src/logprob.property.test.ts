import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  linearLogprobBackward,
  linearLogprobForward,
  linearLogprobWithGradient,
  logprobBackward,
  logprobForward,
  matmul,
} from './index.js';
import {
  bits,
  expectGradient,
  expectSameOnAnyThreads,
  expectWithin,
  mixedFloats,
  onEveryIsa,
  seed,
} from './kernel-laws.testing.js';
import { logitsRowReference, matmulReference } from './reference/index.js';

const shape = fc.record({
  n: fc.nat(6),
  v: fc.oneof(fc.integer({ min: 1, max: 70 }), fc.constantFrom(1, 64, 65, 1000)),
});
const temperature = fc.constantFrom(0.25, 1, 3);

function targetsFor(n: number, v: number, start: number): Int32Array {
  return Int32Array.from({ length: n }, (_, i) => (start + 7 * i) % v);
}

/** sum of dLogprobs * logprob + dEntropies * entropy over rows of logits, in float64. */
function logprobLoss(
  logits: Float64Array,
  targets: Int32Array,
  weights: readonly [Float32Array, Float32Array],
  v: number,
  t: number,
): number {
  let total = 0;
  for (const [i, target] of targets.entries()) {
    const row = logitsRowReference(logits.subarray(i * v, (i + 1) * v), target, t);
    total += weights[0][i]! * row.logprob + weights[1][i]! * row.entropy;
  }
  return total;
}

describe('logprob', () => {
  test('agrees with float64', () => {
    onEveryIsa(() => {
      fc.assert(
        fc.property(shape, seed, temperature, fc.constantFrom(1e-6, 1, 20), ({ n, v }, start, t, scale) => {
          const logits = mixedFloats(start, n * v, scale);
          const targets = targetsFor(n, v, start);
          const { logprobs, entropies, lse } = logprobForward(logits, targets, { n, v, temperature: t });
          // z - max rounds to half an ULP of 2 * scale / t and e^x to 2 ULP; a chain of the sum has at most v / 16 terms.
          const tolerance = 1e-6 + (4 * scale * 6e-8) / t + v * 4e-9;
          for (const [i, target] of targets.entries()) {
            const expected = logitsRowReference(logits.subarray(i * v, (i + 1) * v), target, t);
            expect(Math.abs(logprobs[i]! - expected.logprob)).toBeLessThanOrEqual(tolerance);
            expect(Math.abs(lse[i]! - expected.lse)).toBeLessThanOrEqual(tolerance);
            expect(Math.abs(entropies[i]! - expected.entropy)).toBeLessThanOrEqual(tolerance * (2 + (2 * scale) / t));
          }
        }),
        { numRuns: 60 },
      );
    });
  });

  test('a constant added to a row changes nothing beyond rounding', () => {
    fc.assert(
      fc.property(seed, fc.integer({ min: -60, max: 60 }), (start, shift) => {
        const logits = mixedFloats(start, 50, 3);
        const targets = Int32Array.of(start % 50);
        const plain = logprobForward(logits, targets, { n: 1, v: 50 });
        const shifted = logprobForward(
          logits.map((x) => x + shift),
          targets,
          { n: 1, v: 50 },
        );
        expectWithin(shifted.logprobs, plain.logprobs, () => 64 * 2 ** -23);
      }),
    );
  });

  test('gradients are slopes, and sum to zero over a row', () => {
    onEveryIsa(() => {
      fc.assert(
        fc.property(shape, seed, temperature, ({ n, v }, start, t) => {
          const logits = mixedFloats(start, n * v, 3);
          const targets = targetsFor(n, v, start);
          const [dLogprobs, dEntropies] = [mixedFloats(start + 1, n), mixedFloats(start + 2, n)];
          const { lse, entropies } = logprobForward(logits, targets, { n, v, temperature: t });
          const dLogits = logits.slice(); // in place
          logprobBackward(dLogprobs, dEntropies, dLogits, targets, lse, entropies, dLogits, { n, v, temperature: t });
          const loss = (inputs: readonly Float64Array[]) =>
            logprobLoss(inputs[0]!, targets, [dLogprobs, dEntropies], v, t);
          expectGradient([logits], [dLogits], loss, 2e-5 * (1 + n));
          for (let i = 0; i < n; i++) {
            const sum = dLogits.subarray(i * v, (i + 1) * v).reduce((a, b) => a + b, 0);
            expect(Math.abs(sum)).toBeLessThan(1e-4);
          }
        }),
        { numRuns: 40 },
      );
    });
  });
});

describe('linearLogprob', () => {
  test('has the bits of matmul followed by logprobForward', () => {
    onEveryIsa(() => {
      fc.assert(
        fc.property(shape, fc.integer({ min: 1, max: 40 }), seed, temperature, ({ n, v }, d, start, t) => {
          const hidden = mixedFloats(start, n * d);
          const weight = mixedFloats(start + 1, v * d);
          const targets = targetsFor(n, v, start);
          const logits = new Float32Array(n * v);
          matmul(hidden, weight, logits, { m: n, n: v, k: d, transposeB: true });
          const separate = logprobForward(logits, targets, { n, v, temperature: t });
          const fused = linearLogprobForward(hidden, weight, targets, { n, d, v, temperature: t });
          expect(bits(fused.logprobs)).toEqual(bits(separate.logprobs));
          expect(bits(fused.entropies)).toEqual(bits(separate.entropies));
          expect(bits(fused.lse)).toEqual(bits(separate.lse));
        }),
        { numRuns: 40 },
      );
    });
  });

  test('gradients are slopes', () => {
    onEveryIsa(() => {
      fc.assert(
        fc.property(
          fc.nat(6),
          fc.integer({ min: 1, max: 20 }),
          fc.integer({ min: 1, max: 60 }),
          seed,
          temperature,
          (n, d, v, start, t) => {
            const hidden = mixedFloats(start, n * d);
            const weight = mixedFloats(start + 1, v * d);
            const targets = targetsFor(n, v, start);
            const [dLogprobs, dEntropies] = [mixedFloats(start + 2, n), mixedFloats(start + 3, n)];
            const options = { n, d, v, temperature: t };
            const { lse, entropies } = linearLogprobForward(hidden, weight, targets, options);
            const dHidden = new Float32Array(n * d);
            const dWeight = new Float32Array(v * d).fill(1); // accumulated, not overwritten
            linearLogprobBackward(
              dLogprobs,
              dEntropies,
              hidden,
              weight,
              targets,
              lse,
              entropies,
              dHidden,
              dWeight,
              options,
            );
            const loss = (inputs: readonly Float64Array[]) => {
              const logits = matmulReference(inputs[0]!, inputs[1]!, { m: n, n: v, k: d, transposeB: true });
              return logprobLoss(logits, targets, [dLogprobs, dEntropies], v, t);
            };
            expectGradient([hidden, weight], [dHidden, dWeight.map((x) => x - 1)], loss, 1e-4 * (1 + n));
          },
        ),
        { numRuns: 30 },
      );
    });
  });

  describe('has the bits of the two calls, blocks and tiles of any size', () => {
    const extents = fc.oneof(
      fc.tuple(fc.nat(40), fc.integer({ min: 1, max: 24 }), fc.integer({ min: 1, max: 90 })),
      fc.constantFrom<[number, number, number]>(
        [530, 3, 7],
        [20, 4, 9000],
        [190, 2, 50_000],
        [7, 12, 512],
        [12, 12, 512],
        [5, 3, 65_601],
      ),
    );
    const cases = (run: (extents: [number, number, number], start: number, t: number, flag: boolean) => void) => {
      onEveryIsa(() => {
        fc.assert(
          fc.property(extents, seed, temperature, fc.boolean(), (sizes, start, t, flag) => run(sizes, start, t, flag)),
          { numRuns: 20 },
        );
      });
    };
    const inputsOf = ([n, d, v]: [number, number, number], start: number) => ({
      hidden: mixedFloats(start, n * d),
      weight: mixedFloats(start + 1, v * d),
      targets: targetsFor(n, v, start),
      upstream: mixedFloats(start + 2, n),
    });

    test('with a gradient that is known before', () => {
      cases((sizes, start, temperature, isFrozen) => {
        const [n, d, v] = sizes;
        const { hidden, weight, targets, upstream } = inputsOf(sizes, start);
        const options = { n, d, v, temperature };
        const apart = linearLogprobForward(hidden, weight, targets, options);
        const { lse, entropies } = apart;
        const [dHidden, dWeight] = [new Float32Array(n * d), isFrozen ? null : new Float32Array(v * d)];
        linearLogprobBackward(upstream, null, hidden, weight, targets, lse, entropies, dHidden, dWeight, options);
        const [atOnce, overwritten] = [
          new Float32Array(n * d).fill(9),
          isFrozen ? null : mixedFloats(start + 3, v * d),
        ];
        const both = linearLogprobWithGradient(upstream, hidden, weight, targets, atOnce, overwritten, options);
        for (const name of ['logprobs', 'entropies', 'lse'] as const)
          expect(bits(both[name])).toEqual(bits(apart[name]));
        expect(bits(atOnce)).toEqual(bits(dHidden));
        if (overwritten !== null) expect(bits(overwritten)).toEqual(bits(dWeight!));
      });
    });

    test('with logits kept where the gradient of the weight will be', () => {
      cases((sizes, start, temperature, hasEntropy) => {
        const [n, d, v] = sizes;
        const { hidden, weight, targets, upstream } = inputsOf(sizes, start);
        const dEntropies = hasEntropy ? mixedFloats(start + 3, n) : null;
        const options = { n, d, v, temperature };
        const [plain, kept] = [false, true].map((isKept) => {
          const dHidden = new Float32Array(n * d);
          const dWeight = isKept ? mixedFloats(start + 4, v * d) : new Float32Array(v * d);
          const forward = { ...options, entropy: hasEntropy, ...(isKept ? { keptLogits: dWeight } : {}) };
          const { logprobs, lse, entropies } = linearLogprobForward(hidden, weight, targets, forward);
          const given = { ...options, isKept };
          linearLogprobBackward(upstream, dEntropies, hidden, weight, targets, lse, entropies, dHidden, dWeight, given);
          return [logprobs, lse, entropies, dHidden, dWeight].map(bits);
        });
        expect(kept).toEqual(plain);
      });
    });
  });

  test('gives the same bits on any number of threads', () => {
    const options = { n: 700, d: 20, v: 90 };
    const hidden = mixedFloats(1, 700 * 20);
    const weight = mixedFloats(2, 90 * 20);
    const targets = targetsFor(700, 90, 0);
    expectSameOnAnyThreads(() => {
      const { logprobs, lse, entropies } = linearLogprobForward(hidden, weight, targets, options);
      const dHidden = new Float32Array(hidden.length);
      const dWeight = new Float32Array(weight.length);
      linearLogprobBackward(logprobs, null, hidden, weight, targets, lse, entropies, dHidden, dWeight, options);
      return [logprobs, entropies, dHidden, dWeight];
    });
  });
});
