import { describe, expect, test } from 'vitest';
import { type AdamwOptions, adamwUpdate, addGradients, globalNorm, NativeValueError, ShapeError } from './index.js';

const options: AdamwOptions = {
  learningRate: 0.1,
  beta1: 0.9,
  beta2: 0.999,
  epsilon: 1e-8,
  weightDecays: [0],
  step: 1,
};

describe('addGradients', () => {
  test('adds each tensor to its sum', () => {
    const sums = [Float32Array.of(1, 2), new Float32Array(0), Float32Array.of(0.5)];
    addGradients(sums, [Float32Array.of(10, -2), new Float32Array(0), Float32Array.of(0.25)]);
    expect(sums.map((sum) => [...sum])).toEqual([[11, 0], [], [0.75]]);
  });

  test('changes nothing where a list or an array does not fit', () => {
    const sums = [Float32Array.of(1), Float32Array.of(2)];
    expect(() => addGradients(sums, [Float32Array.of(1)])).toThrow(ShapeError);
    expect(() => addGradients(sums, [Float32Array.of(1), new Float32Array(2)])).toThrow(
      'expected gradients[1].length to be 1, received 2',
    );
    expect(sums.map((sum) => [...sum])).toEqual([[1], [2]]);
  });
});

describe('globalNorm', () => {
  test('is the length of all gradients as one vector', () => {
    expect(globalNorm([Float32Array.of(3), new Float32Array(0), Float32Array.of(0, -4)])).toBe(5);
    expect(globalNorm([])).toBe(0);
  });

  test('does not overflow, and tells a broken gradient', () => {
    expect(globalNorm([Float32Array.of(3e38, 3e38)])).toBeCloseTo(Math.fround(3e38) * Math.SQRT2, -30);
    expect(globalNorm([Float32Array.of(1), Float32Array.of(Number.NaN)])).toBeNaN();
    expect(globalNorm([Float32Array.of(Number.NEGATIVE_INFINITY)])).toBe(Number.POSITIVE_INFINITY);
  });

  test('refuses what is not an array of Float32Arrays', () => {
    const wrong = [new Float64Array(1)] as unknown as Float32Array[];
    expect(() => globalNorm(wrong)).toThrow(new ShapeError('globalNorm: expected gradients[0] to be a Float32Array'));
  });
});

describe('adamwUpdate', () => {
  test('the first step is one learning rate against the sign of the gradient', () => {
    const parameter = Float32Array.of(1, 1, 1);
    adamwUpdate([parameter], [Float32Array.of(7, -0.001, 0)], [new Float32Array(3)], [new Float32Array(3)], options);
    expect(parameter[0]).toBeCloseTo(0.9, 6);
    expect(parameter[1]).toBeCloseTo(1.1, 5);
    expect(parameter[2]).toBe(1);
  });

  test('decay is per tensor and apart from the moments', () => {
    const [a, b] = [Float32Array.of(2), Float32Array.of(2)];
    const zeros = () => [new Float32Array(1), new Float32Array(1)];
    const moments = zeros();
    adamwUpdate([a, b], zeros(), moments, zeros(), { ...options, weightDecays: [0, 0.5] });
    expect(a[0]).toBe(2);
    expect(b[0]).toBeCloseTo(2 * (1 - 0.1 * 0.5), 6);
    expect(moments[1]![0]).toBe(0);
  });

  test('lists, lengths and options are checked', () => {
    const x = () => [new Float32Array(2)];
    expect(() => adamwUpdate(x(), [new Float32Array(3)], x(), x(), options)).toThrow(
      new ShapeError('adamwUpdate: expected gradients[0].length to be 2, received 3'),
    );
    expect(() => adamwUpdate(x(), x(), [], x(), options)).toThrow('expected m.length to be 1, received 0');
    expect(() => adamwUpdate(x(), x(), x(), x(), { ...options, weightDecays: [] })).toThrow('expected 1 weightDecays');
    for (const wrong of [
      { learningRate: Number.NaN },
      { learningRate: -1 },
      { beta1: 1 },
      { beta2: -0.1 },
      { epsilon: 0 },
      { step: 0 },
      { step: 1.5 },
      { gradientScale: Number.POSITIVE_INFINITY },
      { weightDecays: [11] },
    ]) {
      expect(() => adamwUpdate(x(), x(), x(), x(), { ...options, ...wrong })).toThrow(NativeValueError);
    }
  });
});
