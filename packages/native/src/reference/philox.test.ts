import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { philox4x32, uniformAt } from './philox.js';

const shared = process.env['PARL_MT_SHARED'] ?? path.resolve(import.meta.dirname, '../../../../../shared');
const fixture = path.join(shared, 'fixtures/rl/rng-counter.jsonl');

interface RngCase {
  readonly name: string;
  readonly options: { readonly generator?: string; readonly rounds?: number };
  readonly inputs: { readonly counter: readonly string[]; readonly key: readonly string[] };
  readonly outputs: { readonly value: readonly string[] };
}

describe('philox4x32', () => {
  test('gives the published vector of Random123', () => {
    expect(philox4x32([0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344], [0xa4093822, 0x299f31d0])).toEqual([
      0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1,
    ]);
  });

  test.skipIf(!existsSync(fixture))('gives what Random123 compiled gives (skipped without the shared fixtures)', () => {
    const words = (hex: readonly string[]): number[] => hex.map((word) => Number.parseInt(word, 16));
    const cases = readFileSync(fixture, 'utf8')
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as RngCase)
      .filter(({ options }) => options.generator === 'philox4x32' && options.rounds === 10);
    expect(cases.length).toBeGreaterThan(20);
    for (const { name, inputs, outputs } of cases) {
      const counter = words(inputs.counter) as [number, number, number, number];
      const key = words(inputs.key) as [number, number];
      expect(philox4x32(counter, key), name).toEqual(words(outputs.value));
    }
  });
});

describe('uniformAt', () => {
  test('takes 53 bits of the first two words', () => {
    // Block (0, 0) of key 0 begins 6627e8d5 e169c58d (published).
    const expected = (BigInt(0x6627e8d5 >>> 5) << 26n) | BigInt(0xe169c58d >>> 6);
    expect(uniformAt(0, 0)).toBe(Number(expected) / 2 ** 53);
  });

  test('uses all 53 bits of a seed', () => {
    expect(uniformAt(1, 0)).not.toBe(uniformAt(1 + 2 ** 40, 0));
  });
});
