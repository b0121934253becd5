import { describe, expect, test } from 'vitest';
import { type BlockTypeName, blockFormats, dequantize } from './index.js';

describe('dequantize', () => {
  test('a Q4_1 block: low nibbles first, then high ones, times the scale, plus the minimum', () => {
    // Scale 2, minimum -1 in half precision; element i has quant i % 16.
    const block = Uint8Array.from([0x00, 0x40, 0x00, 0xbc, ...Array.from({ length: 16 }, (_, i) => i * 17)]);
    const out = new Float32Array(32);
    dequantize('Q4_1', block, out);
    expect([...out]).toEqual(Array.from({ length: 32 }, (_, i) => 2 * (i % 16) - 1));
  });

  test('no blocks give no values', () => {
    for (const type of Object.keys(blockFormats) as BlockTypeName[]) {
      dequantize(type, new Uint8Array(0), new Float32Array(0));
    }
  });

  test('a part of a block, an output of another length, and an unknown type are refused', () => {
    expect(() => dequantize('Q8_0', new Uint8Array(33), new Float32Array(32))).toThrow(
      'expected blocks of 34 bytes for Q8_0, received 33 bytes',
    );
    expect(() => dequantize('Q8_0', new Uint8Array(34), new Float32Array(31))).toThrow(
      'dequantize: expected out.length to be 32, received 31',
    );
    expect(() => dequantize('Q8_K' as BlockTypeName, new Uint8Array(0), new Float32Array(0))).toThrow(
      'expected a type of F32, F16, BF16, Q4_0,',
    );
    expect(() => dequantize('constructor' as BlockTypeName, new Uint8Array(0), new Float32Array(0))).toThrow(
      'received constructor',
    );
  });
});
