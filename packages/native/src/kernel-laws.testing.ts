import fc from 'fast-check';
import { expect } from 'vitest';
import { type IsaName, nativeInfo, setIsa, setThreads } from './index.js';

/** Unit roundoff of float32. */
export const roundoff = 2 ** -24;

/** `length` well-mixed float32 values in [-scale, scale): a function of the seed, so that failures replay. */
export function mixedFloats(seed: number, length: number, scale = 1): Float32Array {
  let state = (seed ^ 0x9e3779b9) >>> 0;
  return Float32Array.from({ length }, () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let x = Math.imul(state ^ (state >>> 15), state | 1);
    x ^= x + Math.imul(x ^ (x >>> 7), x | 61);
    return scale * (((x ^ (x >>> 14)) >>> 0) / 2 ** 31 - 1);
  });
}

/** Sizes that matter to a vectorised loop: nothing, one, odd, and around every vector width. */
export const size = fc.oneof(fc.constantFrom(0, 1, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33), fc.nat(70));
export const seed = fc.nat();

/** Runs a law on every instruction set of this CPU and says which ones it lacks. */
export function onEveryIsa(law: (isa: IsaName) => void): void {
  const before = nativeInfo().isa;
  try {
    for (const isa of ['portable', 'avx2', 'avx512'] as const) {
      if (nativeInfo().isas.includes(isa)) {
        setIsa(isa);
        law(isa);
      } else {
        console.log(`${isa}: skipped, this CPU does not have it`);
      }
    }
  } finally {
    setIsa(before);
  }
}

/** Checks that a computation gives the same bits on 1, 2 and 5 threads. */
export function expectSameOnAnyThreads(compute: () => readonly Float32Array[]): void {
  const before = nativeInfo().threads;
  try {
    setThreads(1);
    const alone = compute();
    for (const threads of [2, 5]) {
      setThreads(threads);
      expect(compute().map(bits)).toEqual(alone.map(bits));
    }
  } finally {
    setThreads(before);
  }
}

/** The bits of an array, for comparisons in which -0 is not 0 and NaN is itself. */
export function bits(values: Float32Array): Int32Array {
  return new Int32Array(values.buffer, values.byteOffset, values.length);
}

/** Checks |actual[i] - expected[i]| <= tolerance(i) for every i. */
export function expectWithin(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  tolerance: (i: number) => number,
): void {
  expect(actual.length).toBe(expected.length);
  for (let i = 0; i < actual.length; i++) {
    const difference = Math.abs(actual[i]! - expected[i]!);
    if (!(difference <= tolerance(i))) {
      expect.fail(`element ${i}: expected ${expected[i]} within ${tolerance(i)}, received ${actual[i]}`);
    }
  }
}

/**
 * Checks a gradient against the central difference of a float64 loss along one direction, input by input.
 *
 * @param gradients - per input, the computed gradient.
 * @param tolerance - absolute; the step 1e-4 leaves about 1e-8 times the third derivative.
 */
export function expectGradient(
  inputs: readonly Float32Array[],
  gradients: readonly Float32Array[],
  loss: (inputs: readonly Float64Array[]) => number,
  tolerance: number,
): void {
  const point = inputs.map((input) => Float64Array.from(input));
  for (const [which, gradient] of gradients.entries()) {
    const direction = mixedFloats(which + 1, gradient.length);
    const moved = (step: number) =>
      point.map((input, i) => (i === which ? input.map((x, j) => x + step * direction[j]!) : input));
    const slope = (loss(moved(1e-4)) - loss(moved(-1e-4))) / 2e-4;
    const claimed = gradient.reduce((sum, g, j) => sum + g * direction[j]!, 0);
    if (!(Math.abs(claimed - slope) <= tolerance)) {
      expect.fail(`input ${which}: expected slope ${slope} within ${tolerance}, received ${claimed}`);
    }
  }
}

/** sum of a[i] * b[i]. */
export function inner(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}
