import { describe, expect, test } from 'vitest';
import { attentionBackward, attentionForward, NativeValueError, ShapeError } from './index.js';

const one = { numHeads: 1, numKvHeads: 1, headDim: 1 };

describe('attention', () => {
  test('equal scores average the values so far, and start anew in every segment', () => {
    const zeros = new Float32Array(4);
    const out = new Float32Array(4);
    const lse = new Float32Array(4);
    attentionForward(zeros, zeros, Float32Array.of(2, 4, 6, 10), Int32Array.of(0, 3, 3, 4), out, lse, one);
    expect([...out]).toEqual([2, 3, 4, 10]);
    expect(lse[2]).toBeCloseTo(Math.log(3), 6);
    expect(lse[3]).toBe(0);
  });

  test('a query head reads the key/value head of its group', () => {
    const q = new Float32Array(4);
    const out = new Float32Array(4);
    const kv = Float32Array.of(7, 9);
    attentionForward(q, kv, kv, Int32Array.of(0, 1), out, new Float32Array(4), {
      numHeads: 4,
      numKvHeads: 2,
      headDim: 1,
    });
    expect([...out]).toEqual([7, 7, 9, 9]);
  });

  test('offsets, heads and overlaps are checked', () => {
    const x = new Float32Array(2);
    const out = new Float32Array(2);
    const lse = new Float32Array(2);
    expect(() => attentionForward(x, x, x, Int32Array.of(0, 2, 1), out, lse, one)).toThrow(
      new ShapeError('attentionForward: expected offsets to ascend, see entry 2'),
    );
    expect(() => attentionForward(x, x, x, Int32Array.of(0, 3), out, lse, one)).toThrow('q.length to be 3, received 2');
    expect(() => attentionForward(x, x, x, Int32Array.of(), out, lse, one)).toThrow('offsets to start with 0');
    expect(() =>
      attentionForward(x, x, x, Int32Array.of(0, 1), out, lse, { ...one, numHeads: 2, numKvHeads: 0 }),
    ).toThrow('expected numHeads to be a multiple of numKvHeads');
    expect(() => attentionForward(x, x, x, Int32Array.of(0, 2), x, lse, one)).toThrow(
      new NativeValueError('expected out and q not to overlap in memory'),
    );
    for (const [parents, message] of [
      [Int32Array.of(0), 'expected parents[0] to be -1 or an earlier segment, received 0'],
      [Int32Array.of(-2), 'expected parents[0] to be -1 or an earlier segment, received -2'],
      [Int32Array.of(-1, 0), 'expected parents.length to be 1, received 2'],
    ] as const) {
      expect(() => attentionForward(x, x, x, Int32Array.of(0, 2), out, lse, { ...one, parents })).toThrow(message);
    }
    expect(() => attentionBackward(out, x, x, x, out, lse, Int32Array.of(0, 2), out, x, x, one)).toThrow(
      new NativeValueError('expected dq and dOut not to overlap in memory'),
    );
  });
});
