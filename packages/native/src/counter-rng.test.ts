import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type CounterGenerator,
  counterBlock,
  counterShapes,
  counterWords,
  normalPair,
  openUnitFloat,
  signedUnitFloat,
  unitDouble,
  unitFloat,
} from './index.js';
import { counterBlockReference, uniformAtReference } from './reference/index.js';

const generators = Object.keys(counterShapes) as CounterGenerator[];
const positions = fc.constantFrom(...generators).chain((generator) => {
  const { words, keyWords, bits } = counterShapes[generator];
  const word = fc.bigInt({ min: 0n, max: (1n << BigInt(bits)) - 1n });
  const exactly = (length: number) => fc.array(word, { minLength: length, maxLength: length });
  return fc.record({
    generator: fc.constant(generator),
    position: fc.record(
      { counter: exactly(words), key: exactly(keyWords), rounds: fc.nat(80) },
      { requiredKeys: ['counter', 'key'] },
    ),
  });
});

describe('counterBlock', () => {
  test('agrees with the rounds in arbitrary precision', () => {
    fc.assert(
      fc.property(positions, ({ generator, position }) => {
        expect(counterBlock(generator, position)).toEqual(counterBlockReference(generator, position));
      }),
    );
  });

  test('no rounds leave the counter of philox as it is', () => {
    expect(counterBlock('philox2x32', { counter: [7n, 9n], key: [1n], rounds: 0 })).toEqual([7n, 9n]);
  });

  test('positions are checked', () => {
    expect(() => counterBlock('philox4x32', { counter: [0n], key: [0n, 0n] })).toThrow(
      'expected counter of philox4x32 to have 4 words',
    );
    expect(() => counterBlock('philox2x32', { counter: [0n, 1n << 32n], key: [0n] })).toThrow(
      'expected words of counter to be in 0..2^32 - 1',
    );
    expect(() => counterBlock('philox2x32', { counter: [0n, -1n], key: [0n] })).toThrow('received -1');
    expect(() => counterBlock('xorshift' as CounterGenerator, { counter: [], key: [] })).toThrow(
      'expected one of philox2x32',
    );
    expect(() => counterBlock('philox2x32', { counter: [0n, 0n], key: [0n], rounds: 1.5 })).toThrow('expected rounds');
    expect(() => counterWords('philox2x32', { counter: [0n, 0n], key: [0n] }, -1)).toThrow(
      'expected count to be an integer >= 0',
    );
  });
});

test('counterWords gives one block after the other, from any position on', () => {
  fc.assert(
    fc.property(positions, fc.nat(20), ({ generator, position }, count) => {
      const { bits } = counterShapes[generator];
      const low = { ...position, counter: position.counter.map((word, i) => (i === 0 ? word & 0xffffn : word)) };
      const words = counterWords(generator, low, count);
      const expected: number[] = [];
      for (let block = 0n; expected.length < count; block += 1n) {
        const counter = low.counter.map((word, i) => (i === 0 ? word + block : word));
        for (const word of counterBlock(generator, { ...low, counter })) {
          expected.push(Number(word & 0xffffffffn));
          if (bits === 64) expected.push(Number(word >> 32n));
        }
      }
      expect([...words]).toEqual(expected.slice(0, count));
    }),
  );
});

test('the sampler draws from philox4x32', () => {
  const [first, second] = counterWords('philox4x32', { counter: [5n, 0n, 0n, 0n], key: [42n, 0n] }, 2);
  expect(((first! >>> 5) * 2 ** 26 + (second! >>> 6)) / 2 ** 53).toBe(uniformAtReference(42, 5));
});

describe('conversions of words', () => {
  test('stay in their intervals', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.constantFrom(0, 1, 0x7fffffff, 0x80000000, 0xffffffff), fc.integer({ min: 0, max: 0xffffffff })),
        (word) => {
          expect(unitFloat(word) > 0 && unitFloat(word) <= 1).toBe(true);
          expect(unitDouble(word) > 0 && unitDouble(word) < 1).toBe(true);
          expect(Math.abs(signedUnitFloat(word))).toBeLessThanOrEqual(1);
          expect(openUnitFloat(word) > 0 && openUnitFloat(word) < 1).toBe(true);
          for (const value of [unitFloat(word), signedUnitFloat(word), openUnitFloat(word)])
            expect(Math.fround(value)).toBe(value);
        },
      ),
    );
  });
  test('normals have mean 0 and variance 1', () => {
    const words = counterWords('philox4x32', { counter: [0n, 0n, 0n, 0n], key: [1n, 0n] }, 40_000);
    const normals = Array.from({ length: 20_000 }, (_, i) => normalPair(words[2 * i]!, words[2 * i + 1]!)).flat();
    const mean = normals.reduce((sum, x) => sum + x, 0) / normals.length;
    const variance = normals.reduce((sum, x) => sum + x * x, 0) / normals.length;
    // Standard errors 1 / 200 and sqrt 2 / 200; the words are fixed, so this holds or does not.
    expect(Math.abs(mean)).toBeLessThan(0.015);
    expect(Math.abs(variance - 1)).toBeLessThan(0.022);
  });
});
