import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { addBias, arithmetic, columnSum, fromBfloat16, matmul, matmulGradients, toBfloat16 } from './index.js';
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
import { matmulReference } from './reference/index.js';

const shape = fc.record({
  m: size,
  n: size,
  k: size,
  transposeA: fc.boolean(),
  transposeB: fc.boolean(),
  accumulate: fc.boolean(),
});
/** Products of the scales stay inside float32 without subnormals. */
const scales = fc.constantFrom([1, 1], [1e-15, 1e-15], [1e15, 1e15], [1e30, 1e-30]);

describe('matmul', () => {
  test('agrees with float64 within one rounding per multiplication and addition', () => {
    onEveryIsa(() => {
      fc.assert(
        fc.property(shape, seed, scales, (s, start, [scaleA, scaleB]) => {
          const a = mixedFloats(start, s.m * s.k, scaleA);
          const b = mixedFloats(start + 1, s.k * s.n, scaleB);
          const before = mixedFloats(start + 2, s.m * s.n, scaleA! * scaleB!);
          const out = before.slice();
          matmul(a, b, out, s);
          const old = s.accumulate ? before : undefined;
          const magnitude = matmulReference(a.map(Math.abs), b.map(Math.abs), s, old?.map(Math.abs));
          expectWithin(out, matmulReference(a, b, s, old), (i) => 2 * (s.k + 1) * roundoff * magnitude[i]!);
        }),
        { numRuns: 60 },
      );
    });
  });

  test('a row does not depend on the rows computed with it', () => {
    onEveryIsa(() => {
      fc.assert(
        fc.property(size, size, size, seed, fc.nat(), (m, n, k, start, pick) => {
          fc.pre(m > 0);
          const a = mixedFloats(start, m * k);
          const b = mixedFloats(start + 1, n * k);
          const all = new Float32Array(m * n);
          matmul(a, b, all, { m, n, k, transposeB: true });
          const row = pick % m;
          const alone = new Float32Array(n);
          matmul(a.slice(row * k, (row + 1) * k), b, alone, { m: 1, n, k, transposeB: true });
          expect(bits(alone)).toEqual(bits(all.slice(row * n, (row + 1) * n)));
        }),
        { numRuns: 60 },
      );
    });
  });

  test('gives the same bits on any number of threads', () => {
    const a = mixedFloats(1, 300 * 70);
    const b = mixedFloats(2, 130 * 70);
    expectSameOnAnyThreads(() => {
      const out = new Float32Array(300 * 130);
      matmul(a, b, out, { m: 300, n: 130, k: 70, transposeB: true });
      return [out];
    });
  });

  test('NaN and Infinity stay in their row', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(Number.NaN, Number.POSITIVE_INFINITY),
        fc.nat(19),
        fc.nat(32),
        (value, row, column) => {
          const a = mixedFloats(1, 20 * 33);
          a[row * 33 + column] = value;
          const out = new Float32Array(20 * 18);
          matmul(a, mixedFloats(2, 33 * 18), out, { m: 20, n: 18, k: 33 });
          for (const [i, x] of out.entries()) expect(Number.isFinite(x)).toBe(Math.floor(i / 18) !== row);
        },
      ),
    );
  });
});

describe('matmul with bfloat16', () => {
  test('has the bits of the product with the same values in float32, in all layouts', () => {
    onEveryIsa(() => {
      fc.assert(
        fc.property(size, size, size, seed, fc.boolean(), fc.boolean(), (m, n, k, start, transposeB, accumulate) => {
          const a = mixedFloats(start, m * k);
          const halves = toBfloat16(mixedFloats(start + 1, k * n));
          const [out, expected] = [mixedFloats(start + 2, m * n), mixedFloats(start + 2, m * n)];
          matmul(a, halves, out, { m, n, k, transposeB, accumulate });
          matmul(a, fromBfloat16(halves), expected, { m, n, k, transposeB, accumulate });
          expect(out).toEqual(expected);
        }),
        { numRuns: 60 },
      );
    });
  });
});

describe('add, addBias and columnSum', () => {
  test('are the plain loops in float32, whatever the size', () => {
    onEveryIsa(() => {
      fc.assert(
        fc.property(size, size, seed, (n, d, start) => {
          const x = mixedFloats(start, n * d);
          const y = mixedFloats(start + 1, n * d);
          const bias = mixedFloats(start + 2, d);
          const out = new Float32Array(n * d);
          arithmetic('add', x, y, out);
          expect(out).toEqual(x.map((value, i) => value + y[i]!));
          addBias(x, bias, out, { n, d });
          expect(out).toEqual(x.map((value, i) => value + bias[i % d]!));
          const sum = new Float32Array(d);
          columnSum(x, sum, { n, d });
          const expected = new Float32Array(d);
          for (const [i, value] of x.entries()) expected[i % d]! += value;
          expect(sum).toEqual(expected);
        }),
        { numRuns: 60 },
      );
    });
  });
});

describe('matmulGradients', () => {
  const rows = fc.oneof(fc.nat(5), fc.integer({ min: 40, max: 130 }));

  test('has the bits of one product after the other, on any number of threads', () => {
    onEveryIsa(() => {
      fc.assert(
        fc.property(
          fc.array(rows, { minLength: 1, maxLength: 4 }),
          fc.oneof(size, fc.constantFrom(64, 100)),
          fc.oneof(size, fc.integer({ min: 500, max: 700 })),
          seed,
          (widths, n, k, start) => {
            const x = mixedFloats(start, k * n, 1);
            const dys = widths.map((m, i) => mixedFloats(start + i + 1, k * m, 1));
            const expected = widths.map((m, i) => {
              const out = new Float32Array(m * n);
              matmul(dys[i]!, x, out, { m, n, k, transposeA: true });
              return bits(out);
            });
            expectSameOnAnyThreads(() => {
              const gradients = widths.map((m) => new Float32Array(m * n).fill(7));
              matmulGradients(dys, x, gradients, { n, k });
              expect(gradients.map(bits)).toEqual(expected);
              return gradients;
            });
          },
        ),
        { numRuns: 40 },
      );
    });
  });

  test('refuses lengths that do not fit, and gradients that lie in an input', () => {
    const [x, dy] = [new Float32Array(6), new Float32Array(8)];
    const gradient = () => new Float32Array(12);
    expect(() => matmulGradients([dy], x, [gradient(), gradient()], { n: 3, k: 2 })).toThrow(/gradients\.length/);
    expect(() => matmulGradients([new Float32Array(7)], x, [gradient()], { n: 3, k: 2 })).toThrow(/dys\[0\]/);
    expect(() => matmulGradients([dy], x, [new Float32Array(11)], { n: 3, k: 2 })).toThrow(/gradients/);
    expect(() => matmulGradients([dy], x, [gradient()], { n: 3, k: 3 })).toThrow(/x\.length/);
    expect(() => matmulGradients([dy], dy.subarray(0, 6), [dy], { n: 2, k: 3 })).toThrow(/overlap/);
    const twice = gradient();
    expect(() => matmulGradients([dy, dy], x, [twice, twice], { n: 3, k: 2 })).toThrow(
      'gradients[1] and gradients[0] not to overlap',
    );
  });
});
