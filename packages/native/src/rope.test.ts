import { describe, expect, test } from 'vitest';
import { ropeApply } from './index.js';

describe('ropeApply', () => {
  test('position 0 changes nothing, position 1 turns the first pair by one radian', () => {
    const x = Float32Array.of(1, 5, 0, 7, 1, 5, 0, 7);
    const out = new Float32Array(8);
    ropeApply(x, Int32Array.of(0, 1), out, { n: 2, heads: 1, headDim: 4, theta: 10000 });
    expect([...out.subarray(0, 4)]).toEqual([1, 5, 0, 7]);
    // Pair (0, 2) turns by 1, pair (1, 3) by 10000^(-1/2) = 0.01.
    expect(out[4]).toBeCloseTo(Math.cos(1), 6);
    expect(out[6]).toBeCloseTo(Math.sin(1), 6);
    expect(out[5]).toBeCloseTo(5 * Math.cos(0.01) - 7 * Math.sin(0.01), 6);
    expect(out[7]).toBeCloseTo(7 * Math.cos(0.01) + 5 * Math.sin(0.01), 6);
  });

  test('negative positions, odd head sizes and unusable bases are refused', () => {
    const x = new Float32Array(6);
    const options = { n: 1, heads: 1, headDim: 6, theta: 10000 };
    expect(() => ropeApply(x, Int32Array.of(-1), x, options)).toThrow(
      'ropeApply: expected positions[0] to be in 0..2147483647, received -1',
    );
    expect(() => ropeApply(x, Int32Array.of(0, 0), x, { ...options, n: 2, headDim: 3 })).toThrow('headDim to be even');
    expect(() => ropeApply(x, Int32Array.of(0), x, { ...options, theta: 0 })).toThrow('expected theta to be in 1..');
    const frequencies = Float32Array.of(1, Number.NaN, 1);
    expect(() => ropeApply(x, Int32Array.of(0), x, { ...options, frequencies })).toThrow(
      'expected frequencies[1] to be',
    );
    expect(() => ropeApply(x, Int32Array.of(0), x, { ...options, frequencies: frequencies.subarray(2) })).toThrow(
      'expected frequencies.length to be 3, received 1',
    );
    expect(() => ropeApply(x, Int32Array.of(0), x, { ...options, scale: 0 })).toThrow(
      'expected scale to be in 0.001..',
    );
  });
});
