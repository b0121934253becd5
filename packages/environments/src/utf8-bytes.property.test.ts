import fc from 'fast-check';
import { expect, test } from 'vitest';
import { cutToBytes, utf8BytesExceed } from './utf8-bytes.js';

const text = fc.string({ unit: 'grapheme', maxLength: 60 });
const encoder = new TextEncoder();

test('exceeding is what counting the bytes says', () => {
  fc.assert(
    fc.property(text, fc.nat(200), (value, limit) => {
      expect(utf8BytesExceed(value, limit)).toBe(encoder.encode(value).length > limit);
    }),
  );
});

test('a cut is the longest start of whole characters that fits', () => {
  fc.assert(
    fc.property(text, fc.nat(200), (value, limit) => {
      let expected = '';
      for (const character of value) {
        if (encoder.encode(expected + character).length > limit) break;
        expected += character;
      }
      expect(cutToBytes(value, limit)).toBe(expected);
    }),
  );
});
