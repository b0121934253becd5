import { describe, expect, test } from 'vitest';
import { rmsNormBackward, rmsNormForward } from './index.js';

describe('rmsNorm', () => {
  test('a row of mean square 4 is halved', () => {
    const y = new Float32Array(4);
    const rstd = new Float32Array(2);
    rmsNormForward(Float32Array.of(2, -2, 2, 2), Float32Array.of(1, 3), y, rstd, { n: 2, d: 2, eps: 0 });
    expect([...y]).toEqual([1, -3, 1, 3]);
    expect([...rstd]).toEqual([0.5, 0.5]);
  });

  test('the gradient of a row is orthogonal to it, and that of the weight adds up', () => {
    // y = w x / rms(x) does not change when x is scaled (eps 0), so dx . x = 0.
    const x = Float32Array.of(3, 4);
    const y = new Float32Array(2);
    const rstd = new Float32Array(1);
    const dx = new Float32Array(2);
    const dWeight = Float32Array.of(10, 10);
    const weight = Float32Array.of(1, 1);
    rmsNormForward(x, weight, y, rstd, { n: 1, d: 2, eps: 0 });
    rmsNormBackward(Float32Array.of(1, 0), x, weight, rstd, dx, dWeight, { n: 1, d: 2 });
    expect(dx[0]! * 3 + dx[1]! * 4).toBeCloseTo(0, 6);
    expect(dWeight[0]).toBeCloseTo(10 + y[0]!, 6);
    expect(dWeight[1]).toBe(10);
  });

  test('lengths and eps are checked', () => {
    const two = new Float32Array(2);
    const one = new Float32Array(1);
    expect(() => rmsNormForward(two, two, two, two, { n: 1, d: 2, eps: 1e-6 })).toThrow(
      'rmsNormForward: expected rstd.length to be 1, received 2',
    );
    expect(() => rmsNormForward(two, two, two, one, { n: 1, d: 2, eps: Number.NaN })).toThrow(
      'expected eps to be in 0..1, received NaN',
    );
  });
});
