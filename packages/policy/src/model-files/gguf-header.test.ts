import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type GgufParts, ggufBytes, text, uint32, uint64 } from './gguf.testing.js';
import { HeaderTruncated, parseGgufHeader } from './gguf-header.js';

const parse = (parts: GgufParts) => {
  const bytes = ggufBytes(parts);
  return parseGgufHeader(bytes, bytes.length, 'test.gguf');
};
const array = (type: number, count: number, ...items: Uint8Array[]): Uint8Array =>
  Uint8Array.from([...uint32(type), ...uint64(count), ...items.flatMap((item) => [...item])]);
const tensor = { name: 't', shape: [2, 32], type: 8, offset: 0 };

describe('GGUF header', () => {
  test('metadata of every type, and tensors in row-major order', () => {
    const float = new Uint8Array(Float32Array.of(0.5).buffer);
    const { metadata, tensors, version } = parse({
      metadata: [
        ['u8', 0, Uint8Array.of(200)],
        ['i8', 1, Uint8Array.of(200)],
        ['u16', 2, Uint8Array.of(1, 2)],
        ['i32', 5, uint32(0xffffffff)],
        ['f32', 6, float],
        ['bool', 7, Uint8Array.of(1)],
        ['text', 8, text('größe')],
        ['u64', 10, uint64(2n ** 40n)],
        ['i64', 11, uint64(0xffff_ffff_ffff_fffen)],
        ['f64', 12, new Uint8Array(Float64Array.of(-2.5).buffer)],
        ['texts', 9, array(8, 2, text('a'), text(''))],
        ['floats', 9, array(6, 2, float, float)],
        ['nested', 9, array(9, 1, array(4, 1, uint32(7)))],
        ['general.alignment', 4, uint32(64)],
      ],
      tensors: [tensor, { ...tensor, name: 'u', shape: [3], type: 0, offset: 128 }],
      data: new Uint8Array(140),
      alignment: 64,
    });
    expect(version).toBe(3);
    expect(Object.fromEntries(metadata)).toEqual({
      u8: 200,
      i8: -56,
      u16: 513,
      i32: -1,
      f32: 0.5,
      bool: true,
      text: 'größe',
      u64: 2 ** 40,
      i64: -2,
      f64: -2.5,
      texts: ['a', ''],
      floats: Float32Array.of(0.5, 0.5),
      nested: [Uint32Array.of(7)],
      'general.alignment': 64,
    });
    const { begin } = tensors.get('t')!;
    expect(begin % 64).toBe(0);
    expect(tensors.get('t')).toEqual({ shape: [2, 32], type: 'Q8_0', begin, end: begin + 68 });
    expect(tensors.get('u')).toEqual({ shape: [3], type: 'F32', begin: begin + 128, end: begin + 140 });
  });

  test('a beginning of the file is enough when it holds the header', () => {
    const bytes = ggufBytes({ tensors: [tensor], data: new Uint8Array(68) });
    const header = bytes.length - 68 - 32;
    expect(parseGgufHeader(bytes.subarray(0, header + 1), bytes.length, '').tensors.size).toBe(1);
    expect(() => parseGgufHeader(bytes.subarray(0, 40), bytes.length, '')).toThrow(HeaderTruncated);
  });

  const data = new Uint8Array(256);
  test.each<[string, GgufParts, string]>([
    ['another file', { magic: 'GGML', data }, 'it does not begin with GGUF'],
    ['version 1', { version: 1, data }, 'version 1 is not 2 or 3'],
    ['big-endian', { version: 0x03000000, data }, 'it is big-endian'],
    [
      'a key twice',
      { metadata: [['k', 0, Uint8Array.of(1)] as const, ['k', 0, Uint8Array.of(1)] as const], data },
      'metadata key k occurs twice',
    ],
    ['an unknown value type', { metadata: [['k', 99, new Uint8Array(8)]], data }, 'k has value type 99'],
    ['an endless text', { metadata: [['k', 8, uint64(2n ** 50n)]], data }, 'bytes of k do not fit into the'],
    ['an endless array', { metadata: [['k', 9, array(6, 2 ** 50)]], data }, 'elements of k do not fit into the'],
    ['a count beyond 2^53', { metadata: [['k', 8, uint64(2n ** 60n)]], data }, 'beyond 2^53'],
    [
      'arrays in arrays',
      { metadata: [['k', 9, array(9, 1, array(9, 1, array(9, 1, array(9, 1, array(9, 1)))))]], data },
      'nests arrays more than 4 deep',
    ],
    [
      'alignment 12',
      { metadata: [['general.alignment', 4, uint32(12)]], data },
      'general.alignment 12 is no power of two',
    ],
    [
      'an unknown tensor type',
      { tensors: [{ ...tensor, type: 16 }], data },
      't has tensor type 16; types that are read: F32, F16,',
    ],
    [
      'a row of half a block',
      { tensors: [{ ...tensor, shape: [2, 48] }], data },
      'rows of 48 elements, no whole number of Q8_0 blocks',
    ],
    ['no dimensions', { tensors: [{ ...tensor, shape: [] }], data }, 'has 0 dimensions'],
    ['five dimensions', { tensors: [{ ...tensor, shape: [1, 1, 1, 1, 32] }], data }, 'has 5 dimensions'],
    ['no elements', { tensors: [{ ...tensor, shape: [0, 32] }], data }, 't has shape [0, 32]'],
    ['too many elements', { tensors: [{ ...tensor, shape: [2 ** 40, 2 ** 40] }], data }, 't has shape ['],
    ['beyond the end', { tensors: [{ ...tensor, offset: 224 }], data }, 't ends at byte'],
    ['a crooked offset', { tensors: [{ ...tensor, offset: 8 }], data }, 'which is not aligned to 32'],
    ['overlap', { tensors: [tensor, { ...tensor, name: 'u', offset: 32 }], data }, 'u overlaps t'],
    ['a name twice', { tensors: [tensor, { ...tensor, offset: 128 }], data }, 'tensor t occurs twice'],
  ])('refuses %s', (_, parts, message) => {
    expect(() => parse(parts)).toThrow(message);
  });

  test('counts beyond the file, and a file that ends inside its header, are refused', () => {
    const bytes = ggufBytes({ tensors: [tensor], data });
    const many = Uint8Array.from(bytes);
    many.set(uint64(2 ** 40), 8);
    expect(() => parseGgufHeader(many, many.length, 'x')).toThrow('1099511627776 tensors do not fit');
    expect(() => parseGgufHeader(bytes.subarray(0, 50), 50, 'x')).toThrow('the header does not end within 50 bytes');
    expect(() => parseGgufHeader(bytes.subarray(0, 20), 20, 'x')).toThrow('20 bytes are too few');
  });

  test('no bytes crash it otherwise than by a UsageError', () => {
    const valid = ggufBytes({ metadata: [['texts', 9, array(8, 2, text('a'), text('b'))]], tensors: [tensor], data });
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(valid.length - 1), fc.nat(255)), { maxLength: 6 }), (changes) => {
        const bytes = Uint8Array.from(valid);
        for (const [at, value] of changes) bytes[at] = value;
        try {
          parseGgufHeader(bytes, bytes.length, 'x');
        } catch (error) {
          expect((error as { code?: string }).code).toBe('USAGE');
        }
      }),
      { numRuns: 2000 },
    );
  });
});
