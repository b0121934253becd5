import { describe, expect, test } from 'vitest';
import { addBias, columnSum, matmul, NativeValueError, ShapeError } from './index.js';

describe('matmul', () => {
  // [1 2 3; 4 5 6] times [7 8; 9 10; 11 12] = [58 64; 139 154].
  const a = Float32Array.of(1, 2, 3, 4, 5, 6);
  const b = Float32Array.of(7, 8, 9, 10, 11, 12);

  test('multiplies, by rows', () => {
    const out = new Float32Array(4).fill(9);
    matmul(a, b, out, { m: 2, n: 2, k: 3 });
    expect([...out]).toEqual([58, 64, 139, 154]);
  });

  test('reads transposed operands, and adds to out when asked to', () => {
    const out = Float32Array.of(1, 1, 1, 1);
    const transposedA = Float32Array.of(1, 4, 2, 5, 3, 6);
    const transposedB = Float32Array.of(7, 9, 11, 8, 10, 12);
    matmul(transposedA, transposedB, out, { m: 2, n: 2, k: 3, transposeA: true, transposeB: true, accumulate: true });
    expect([...out]).toEqual([59, 65, 140, 155]);
  });

  test('a sum over nothing is zero, or what was there', () => {
    const out = Float32Array.of(5, 6);
    const nothing = new Float32Array(0);
    matmul(nothing, nothing, out, { m: 1, n: 2, k: 0, accumulate: true });
    expect([...out]).toEqual([5, 6]);
    matmul(nothing, nothing, out, { m: 1, n: 2, k: 0 });
    expect([...out]).toEqual([0, 0]);
  });

  test('a length that does not fit is named', () => {
    expect(() => matmul(a, b, new Float32Array(3), { m: 2, n: 2, k: 3 })).toThrow(
      new ShapeError('matmul: expected out.length to be 4, received 3'),
    );
    expect(() => matmul(a, b, new Float32Array(4), { m: 2, n: 2, k: 2 })).toThrow(
      'expected a.length to be 4, received 6',
    );
    expect(() => matmul(a, b, new Float32Array(4), { m: 1.5, n: 2, k: 3 })).toThrow(
      'expected m to be a non-negative integer',
    );
    expect(() => matmul(a, b, new Float32Array(4), { m: 2 ** 40, n: 2 ** 40, k: 3 })).toThrow(ShapeError);
  });

  test('writing over an input is refused', () => {
    const square = new Float32Array(4);
    expect(() => matmul(square, b.subarray(0, 4), square, { m: 2, n: 2, k: 2 })).toThrow(
      new NativeValueError('expected out and a not to overlap in memory'),
    );
  });
});

describe('addBias and columnSum', () => {
  test('a bias is added to every row, and its gradient is the sum of rows', () => {
    const y = Float32Array.of(1, 2, 3, 4);
    addBias(y, Float32Array.of(10, 20), y, { n: 2, d: 2 });
    expect([...y]).toEqual([11, 22, 13, 24]);
    const sum = Float32Array.of(1, 1);
    columnSum(y, sum, { n: 2, d: 2 });
    expect([...sum]).toEqual([24, 46]);
    columnSum(y, sum, { n: 2, d: 2, accumulate: true });
    expect([...sum]).toEqual([48, 92]);
  });

  test('a length that does not fit is named', () => {
    const y = new Float32Array(4);
    expect(() => addBias(y, new Float32Array(3), y, { n: 2, d: 2 })).toThrow(
      new ShapeError('addBias: expected bias.length to be 2, received 3'),
    );
    expect(() => columnSum(y, new Float32Array(2), { n: 3, d: 2 })).toThrow('expected dy.length to be 6, received 4');
  });
});
