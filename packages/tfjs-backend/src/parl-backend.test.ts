import { beforeAll, expect, test } from 'vitest';
import {
  linear,
  parlBackend,
  readVariable,
  selectBackend,
  swiglu,
  tf,
  variableBuffer,
  writeVariable,
} from './index.js';

beforeAll(() => selectBackend('parl'));

/** Large enough for the pool. */
const SHAPE: [number, number] = [64, 64];

test('what a user has read stays, whatever later ops write', () => {
  const a = tf.fill(SHAPE, 2);
  const result = swiglu(a, a);
  const read = result.dataSync();
  const copy = read.slice();
  result.dispose();
  for (let i = 0; i < 5; i++) swiglu(tf.fill(SHAPE, i), a).dispose();
  expect(read).toEqual(copy);
});

test('a tensor that outlives the tensor it aliases keeps its values', () => {
  const a = tf.fill(SHAPE, 3);
  const whole = swiglu(a, a);
  const row = tf.slice(whole, [5, 0], [1, 64]);
  const same = tf.reshape(whole, [SHAPE[0] * SHAPE[1]]);
  const expected = [row.arraySync(), same.arraySync()];
  whole.dispose();
  for (let i = 0; i < 5; i++) swiglu(tf.fill(SHAPE, i), a).dispose();
  expect([row.arraySync(), same.arraySync()]).toEqual(expected);
});

test('a variable lives in one array: written in place, read by ops, never recycled', () => {
  const initial = swiglu(tf.fill(SHAPE, 1), tf.fill(SHAPE, 1));
  const variable = tf.variable(initial);
  initial.dispose();
  const buffer = variableBuffer(variable);
  writeVariable(variable, new Float32Array(buffer.length).fill(5));
  expect(variableBuffer(variable)).toBe(buffer);
  expect(buffer[0]).toBe(5);
  expect(tf.sum(variable).dataSync()[0]).toBe(5 * buffer.length);
  buffer[0] = 6;
  expect(readVariable(variable)[0]).toBe(6);
  variable.dispose();
  for (let i = 0; i < 5; i++) swiglu(tf.fill(SHAPE, i), tf.fill(SHAPE, i));
  expect(buffer[0]).toBe(6);
});

test('a cast keeps integers under the type float32; kernels read them as floats', () => {
  const integers = tf.range(0, 12, 1, 'int32').reshape([3, 4]).cast('float32');
  const ones = tf.ones([3, 4]);
  expect(tf.add(integers, ones).arraySync()).toEqual([
    [1, 2, 3, 4],
    [5, 6, 7, 8],
    [9, 10, 11, 12],
  ]);
  expect(linear(integers, tf.ones([1, 4])).arraySync()).toEqual([[6], [22], [38]]);
});

test('a variable of another size is refused', () => {
  const variable = tf.variable(tf.zeros([3]), true, 'three');
  expect(() => writeVariable(variable, new Float32Array(2))).toThrow('expected 3 values for three, received 2');
});

test('tensors move between backends with their values', async () => {
  const a = swiglu(tf.fill(SHAPE, 1), tf.fill(SHAPE, 2));
  const expected = a.arraySync();
  await selectBackend('cpu');
  expect(() => parlBackend()).toThrow('expected backend parl to be active, found cpu');
  const b = tf.mul(a, 1);
  await selectBackend('parl');
  expect(tf.mul(b, 1).arraySync()).toEqual(expected);
});

test('a backend that is not there says what to install', async () => {
  await expect(selectBackend('tensorflow')).rejects.toThrow(/expected @tensorflow\/tfjs-node-gpu or .* to load/);
  await expect(selectBackend('webgl' as 'cpu')).rejects.toThrow('expected a backend of parl, tensorflow, cpu');
  expect(tf.getBackend()).toBe('parl');
});
