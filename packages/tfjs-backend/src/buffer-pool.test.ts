import { expect, test } from 'vitest';
import { BufferPool } from './index.js';

const LENGTH = 2000;

test('a held buffer that is released comes back, its contents as they were', () => {
  const pool = new BufferPool();
  const first = pool.allocate(LENGTH);
  first.fill(7);
  pool.hold(first);
  pool.release(first);
  expect(pool.freeBytes).toBeGreaterThanOrEqual(LENGTH * 4);
  const second = pool.allocate(LENGTH - 1);
  expect(second.buffer).toBe(first.buffer);
  expect(second[0]).toBe(7);
  expect(pool.freeBytes).toBe(0);
});

test('zeros are zeros also in a used buffer', () => {
  const pool = new BufferPool();
  pool.release(pool.allocate(LENGTH).fill(7));
  expect(pool.allocateZeros(LENGTH).every((value) => value === 0)).toBe(true);
});

test('a buffer is not handed out twice, released twice or not', () => {
  const pool = new BufferPool();
  const first = pool.allocate(LENGTH);
  pool.release(first);
  pool.release(first);
  const [second, third] = [pool.allocate(LENGTH), pool.allocate(LENGTH)];
  expect(second.buffer).not.toBe(third.buffer);
});

test('an alias, here a subarray stored by a second tensor, ends the reuse', () => {
  const pool = new BufferPool();
  const array = pool.allocate(LENGTH);
  pool.hold(array);
  pool.hold(array.subarray(10));
  pool.release(array);
  expect(pool.freeBytes).toBe(0);
  expect(pool.allocate(LENGTH).buffer).not.toBe(array.buffer);
});

test('forgotten and foreign buffers are left alone', () => {
  const pool = new BufferPool();
  const mine = pool.allocate(LENGTH);
  pool.forget(mine);
  pool.release(mine);
  pool.release(new Float32Array(LENGTH));
  expect(pool.freeBytes).toBe(0);
});

test('no more is kept than the limit', () => {
  const pool = new BufferPool(10_000);
  const arrays = [pool.allocate(LENGTH), pool.allocate(LENGTH)];
  for (const array of arrays) pool.release(array);
  expect(pool.freeBytes).toBeLessThanOrEqual(10_000);
  expect(pool.freeBytes).toBeGreaterThan(0);
  pool.trim();
  expect(pool.freeBytes).toBe(0);
});

test('what has no free buffer of its size takes a larger one, up to twice; the smallest that there is', () => {
  const pool = new BufferPool();
  const sizes = [LENGTH * 8, LENGTH * 2, LENGTH + LENGTH / 2];
  const [far, double, near] = sizes.map((length) => pool.allocate(length)) as [
    Float32Array,
    Float32Array,
    Float32Array,
  ];
  for (const array of [far, double, near]) {
    pool.hold(array);
    pool.release(array);
  }
  const free = pool.freeBytes;
  const [first, second, third] = [pool.allocate(LENGTH), pool.allocate(LENGTH), pool.allocate(LENGTH)];
  expect(first.length).toBe(LENGTH);
  expect(first.buffer).toBe(near.buffer);
  expect(second.buffer).toBe(double.buffer);
  expect(third.buffer).not.toBe(far.buffer);
  expect(pool.freeBytes).toBe(free - near.buffer.byteLength - double.buffer.byteLength);
  // Given back it is what it was.
  pool.hold(first);
  pool.release(first);
  expect(pool.allocate(near.length).buffer).toBe(near.buffer);
});
