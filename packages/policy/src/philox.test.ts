import { expect, test } from 'vitest';
import { fillNormal, philox } from './philox.js';

test('agrees with the known answer of Random123 for zero counter and key', () => {
  expect(philox(0, 0, 0)).toEqual([0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8]);
});

test('seeds, streams and indices above 32 bits give different blocks', () => {
  const blocks = [philox(1, 0, 0), philox(2 ** 32, 0, 0), philox(0, 1, 0), philox(0, 2 ** 32, 0), philox(0, 0, 1)];
  expect(new Set(blocks.map(String)).size).toBe(blocks.length);
});

test('normal numbers have the mean and deviation asked for', () => {
  // Standard error of the mean is 3 / sqrt(40000) = 0.015, of the deviation 3 / sqrt(80000) = 0.011.
  const values = new Float32Array(39_999);
  fillNormal(values, 3, 7, 0);
  const mean = values.reduce((sum, x) => sum + x, 0) / values.length;
  const deviation = Math.sqrt(values.reduce((sum, x) => sum + (x - mean) ** 2, 0) / values.length);
  expect(Math.abs(mean)).toBeLessThan(0.06);
  expect(Math.abs(deviation - 3)).toBeLessThan(0.05);
});
