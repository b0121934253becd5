import { expect, test } from 'vitest';
import { newTensorBuffer, ShapeError } from './index.js';

test('a buffer has the size asked for, zeros, and lives as long as it is used', () => {
  const kept = new Float32Array(newTensorBuffer(4 * 1000)).fill(3);
  for (let i = 0; i < 40; i += 1) {
    const array = new Float32Array(newTensorBuffer(4 << 20));
    expect(array.length).toBe(1 << 20);
    expect(array[0]).toBe(0);
    expect(array.at(-1)).toBe(0);
    array.fill(i + 1);
  }
  expect(kept.every((value) => value === 3)).toBe(true);
  expect(newTensorBuffer(0).byteLength).toBe(0);
});

test('a size that is none, or that no machine has, is an error', () => {
  expect(() => newTensorBuffer(-1)).toThrow(ShapeError);
  expect(() => newTensorBuffer(1.5)).toThrow(ShapeError);
  expect(() => newTensorBuffer(2 ** 52)).toThrow(RangeError);
});
