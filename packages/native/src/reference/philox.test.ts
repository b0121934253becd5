import { describe, expect, test } from 'vitest';
import { rlFixture } from '../fixtures.testing.js';
import { philoxReference, uniformAtReference } from './philox.js';

const published = rlFixture<{ counter: readonly string[]; key: readonly string[] }, { value: readonly string[] }>(
  'rng-counter.jsonl',
);

describe('philoxReference', () => {
  test('gives the published vector of Random123', () => {
    expect(philoxReference([0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344], [0xa4093822, 0x299f31d0])).toEqual([
      0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1,
    ]);
  });

  test.skipIf(published === undefined)('gives what Random123 compiled gives', () => {
    const words = (hex: readonly string[]): number[] => hex.map((word) => Number.parseInt(word, 16));
    const cases = published!.filter(({ options }) => options['generator'] === 'philox4x32' && options['rounds'] === 10);
    expect(cases.length).toBeGreaterThan(20);
    for (const { name, inputs, outputs } of cases) {
      const counter = words(inputs.counter) as [number, number, number, number];
      const key = words(inputs.key) as [number, number];
      expect(philoxReference(counter, key), name).toEqual(words(outputs.value));
    }
  });
});

describe('uniformAtReference', () => {
  test('takes 53 bits of the first two words', () => {
    // Block (0, 0) of key 0 begins 6627e8d5 e169c58d (published).
    const expected = (BigInt(0x6627e8d5 >>> 5) << 26n) | BigInt(0xe169c58d >>> 6);
    expect(uniformAtReference(0, 0)).toBe(Number(expected) / 2 ** 53);
  });

  test('uses all 53 bits of a seed', () => {
    expect(uniformAtReference(1, 0)).not.toBe(uniformAtReference(1 + 2 ** 40, 0));
  });
});
