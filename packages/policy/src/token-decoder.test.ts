import { describe, expect, test } from 'vitest';
import { tokenDecoder } from './token-decoder.js';

const BYTE_LEVEL = { type: 'ByteLevel' };
/** As Llama 2 and Mistral have it. */
const SENTENCE_PIECE = {
  type: 'Sequence',
  decoders: [
    { type: 'Replace', pattern: { String: '▁' }, content: ' ' },
    { type: 'ByteFallback' },
    { type: 'Fuse' },
    { type: 'Strip', content: ' ', start: 1, stop: 0 },
  ],
};

function decode(json: unknown, tokens: string[]): string {
  return tokenDecoder(json)!(tokens).join('');
}

describe('tokenDecoder', () => {
  test.each([
    ['a leading U+FEFF stays', ['ï»¿', 'a'], '\ufeffa'],
    ['each maximal part of broken UTF-8 is one U+FFFD', ['ðŁĺ', 'a'], '\ufffda'],
    ['two lone continuation bytes are two', ['Ģ', 'ģ'], '\ufffd\ufffd'],
    ['bytes of a character in two tokens join', ['Ã', '©'], 'é'],
    ['a token outside the byte alphabet stands for itself', ['a', '火 b'], 'a火 b'],
  ])('byte level: %s', (_, tokens, expected) => {
    expect(decode(BYTE_LEVEL, tokens)).toBe(expected);
  });

  test.each([
    ['one space is taken from the front', ['▁▁a', '▁b'], ' a b'],
    ['byte tokens join', ['a', '<0xC3>', '<0xA9>'], 'aé'],
    ['a broken run is as many U+FFFD as bytes', ['<0xE7>', '<0x81>', 'x'], '\ufffd\ufffdx'],
    ['a run broken at its end is lost whole', ['<0xC3>', '<0xA9>', '<0xC3>'], '\ufffd\ufffd\ufffd'],
    ['what only looks like a byte is text', ['<0xG1>', '<0x1>'], '<0xG1><0x1>'],
    ['nothing', [], ''],
  ])('byte fallback: %s', (_, tokens, expected) => {
    expect(decode(SENTENCE_PIECE, tokens)).toBe(expected);
  });

  test('a decoder with other parts is left to the library', () => {
    expect(tokenDecoder({ type: 'WordPiece' })).toBeUndefined();
    expect(tokenDecoder({ type: 'Sequence', decoders: [{ type: 'CTC' }] })).toBeUndefined();
    expect(tokenDecoder(null)).toBeUndefined();
  });
});
