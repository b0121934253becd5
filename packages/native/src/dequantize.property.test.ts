import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type BlockTypeName, blockFormats, dequantize } from './index.js';
import { bits, expectSameOnAnyThreads, mixedFloats, onEveryIsa } from './kernel-laws.testing.js';
import { dequantizeReference } from './reference/index.js';

const types = Object.keys(blockFormats) as BlockTypeName[];
const type = fc.constantFrom(...types);

function expectSameValues(actual: Float32Array, expected: Float32Array): void {
  // A NaN keeps its payload natively and loses it in JavaScript.
  const comparable = (values: Float32Array) => bits(values.map((value) => (Number.isNaN(value) ? Number.NaN : value)));
  expect(comparable(actual)).toEqual(comparable(expected));
}

describe('dequantize', () => {
  test('any bytes give the bits of the reference, infinities and NaN included', () => {
    onEveryIsa(() => {
      fc.assert(
        fc.property(type, fc.nat(5), fc.nat(3), fc.nat(), (name, count, shift, seed) => {
          const { elements, bytes } = blockFormats[name];
          const all = Uint8Array.from(mixedFloats(seed, shift + count * bytes), (value) => 128 + 127.9 * value);
          const blocks = all.subarray(shift);
          const out = new Float32Array(count * elements);
          dequantize(name, blocks, out);
          const expected = out.map((_, i) =>
            dequantizeReference(name, blocks, Math.floor(i / elements) * bytes, i % elements),
          );
          expectSameValues(out, expected);
        }),
        { numRuns: 200 },
      );
    });
  });

  test('every half and every bfloat16', () => {
    const all = new Uint8Array(Uint16Array.from({ length: 65536 }, (_, i) => i).buffer);
    for (const name of ['F16', 'BF16'] as const) {
      const out = new Float32Array(65536);
      dequantize(name, all, out);
      expectSameValues(
        out,
        out.map((_, i) => dequantizeReference(name, all, 2 * i, 0)),
      );
    }
  });

  test('gives the same bits on any number of threads', () => {
    const blocks = Uint8Array.from(mixedFloats(3, 34 * 9000), (value) => 128 + 127.9 * value);
    expectSameOnAnyThreads(() => {
      const out = new Float32Array(32 * 9000);
      dequantize('Q8_0', blocks, out);
      return [out];
    });
  });
});
