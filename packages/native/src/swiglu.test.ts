import { describe, expect, test } from 'vitest';
import { ShapeError, swigluBackward, swigluForward } from './index.js';

describe('swiglu', () => {
  test('silu(0) is 0 with slope 1/2; huge gates pass or close', () => {
    const gate = Float32Array.of(0, 1000, -1000);
    const up = Float32Array.of(3, 3, 3);
    const out = new Float32Array(3);
    swigluForward(gate, up, out);
    expect(out[0]).toBe(0);
    expect(out[1]).toBe(3000);
    expect(out[2]).toBeCloseTo(0, 30);
    const dGate = new Float32Array(3);
    const dUp = new Float32Array(3);
    swigluBackward(Float32Array.of(1, 1, 1), gate, up, dGate, dUp);
    expect([...dGate].map(Math.abs)).toEqual([1.5, 3, 0]);
    expect([...dUp].map(Math.abs)).toEqual([0, 1000, 0]);
  });

  test('lengths must agree', () => {
    const two = new Float32Array(2);
    expect(() => swigluForward(two, new Float32Array(3), two)).toThrow(
      new ShapeError('swigluForward: expected up.length to be 2, received 3'),
    );
  });
});
