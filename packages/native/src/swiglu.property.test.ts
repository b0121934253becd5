import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { swigluBackward, swigluForward } from './index.js';
import {
  bits,
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
import { swigluReference } from './reference/index.js';

describe('swiglu', () => {
  test('agrees with float64, and its gradients are slopes', () => {
    onEveryIsa(() => {
      fc.assert(
        fc.property(size, seed, fc.constantFrom(1e-20, 1, 30), (count, start, scale) => {
          const gate = mixedFloats(start, count, scale);
          const up = mixedFloats(start + 1, count);
          const dOut = mixedFloats(start + 2, count);
          const out = new Float32Array(count);
          swigluForward(gate, up, out);
          const expected = swigluReference(gate, up);
          // e^x to 2 ULP (4 roundoffs), an addition, a division, two products.
          expectWithin(out, expected, (i) => 10 * roundoff * Math.abs(expected[i]!) + 1e-37);
          const dGate = new Float32Array(count);
          const dUp = new Float32Array(count);
          swigluBackward(dOut, gate, up, dGate, dUp);
          const loss = (inputs: readonly Float64Array[]) => inner(dOut, swigluReference(inputs[0]!, inputs[1]!));
          expectGradient([gate, up], [dGate, dUp], loss, 1e-6 * (1 + count) * (1 + scale));
        }),
        { numRuns: 60 },
      );
    });
  });

  test('an element does not depend on its place, nor on threads', () => {
    const gate = mixedFloats(1, 40_000, 5);
    const up = mixedFloats(2, 40_000);
    const whole = new Float32Array(40_000);
    expectSameOnAnyThreads(() => {
      swigluForward(gate, up, whole);
      return [whole.slice()];
    });
    fc.assert(
      fc.property(fc.nat(39_960), fc.nat(40), (at, count) => {
        const part = new Float32Array(count);
        swigluForward(gate.subarray(at, at + count), up.subarray(at, at + count), part);
        expect(bits(part)).toEqual(bits(whole.slice(at, at + count)));
      }),
    );
  });
});
