import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { special, text, trained } from '@parl-mt/chat';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { trainBpe } from './bpe-trainer.js';
import { Tokenizer } from './tokenizer.js';

const CORPUS = Array.from(
  { length: 60 },
  (_, i) => `move the file report_${i}.txt to docs\nmv(source='report_${i}.txt', destination='docs')\n`,
);
const json = trainBpe(CORPUS, { vocabSize: 400 });
const tokenizer = new Tokenizer(JSON.parse(JSON.stringify(json)));

describe('trainBpe', () => {
  test('the first merges are the most frequent pairs, worked by hand', () => {
    // Words: 'aab' x 3, 'ab' x 1: pairs (a,b) 4 times, (a,a) 3 times; then (a,ab) 3 times.
    const { model } = trainBpe(['aab', 'aab', 'aab', 'ab'], { vocabSize: 400, specialTokens: ['<x>'] });
    expect(model.merges).toEqual([
      ['a', 'b'],
      ['a', 'ab'],
    ]);
    expect(model.vocab['<x>']).toBe(0);
    expect(model.vocab.aab).toBe(258);
  });

  test('a tie goes to the pair that sorts first, whatever the order of the corpus', () => {
    const merges = (corpus: string[]) => trainBpe(corpus, { vocabSize: 270 }).model.merges;
    expect(merges(['xy', 'xy', 'cd', 'cd'])).toEqual([
      ['c', 'd'],
      ['x', 'y'],
    ]);
    expect(merges(['cd', 'xy', 'cd', 'xy'])).toEqual(merges(['xy', 'xy', 'cd', 'cd']));
  });

  test('merges stay inside words, numbers, punctuation, and never take in a quote', () => {
    const tokens = tokenizer.encode("mv(source='report_12.txt')").map((id) => tokenizer.decode([id]));
    expect(tokens.filter((token) => token.includes("'"))).toEqual(["'", "'"]);
    expect(tokens).toContain('source');
    expect(tokens.some((token) => /\p{L}[^\p{L}]/u.test(token))).toBe(false);
  });

  test('a vocabulary without room for the bytes is refused', () => {
    expect(() => trainBpe(CORPUS, { vocabSize: 100 })).toThrow('expected vocabSize of at least 268');
  });
});

describe('Tokenizer', () => {
  test('decode after encode is the identity for any text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 60 }), (original) => {
        expect(tokenizer.decode(tokenizer.encode(original))).toBe(original);
      }),
    );
  });

  test('special tokens are atomic in special segments and ordinary characters in text', () => {
    const ids = tokenizer.encodeSegments([special('<|user|>'), text('a<|end|>'), special('<|end|>')]);
    expect(ids[0]).toBe(tokenizer.specialId('<|user|>'));
    expect(ids.at(-1)).toBe(tokenizer.specialId('<|end|>'));
    expect(ids.slice(1, -1)).not.toContain(tokenizer.specialId('<|end|>'));
    expect(tokenizer.decode(ids)).toBe('<|user|>a<|end|><|end|>');
    expect(tokenizer.countTokens([special('<|user|>'), text('a<|end|>')])).toBe(ids.length - 1);
    expect(() => tokenizer.specialId('<|nope|>')).toThrow('received <|nope|>');
  });

  test('the loss mask follows the segments, and kept ids are not encoded again', () => {
    const { tokens, lossMask } = tokenizer.encodeForTraining([
      special('<|user|>'),
      ...trained([{ kind: 'tokens', ids: [40, 41] }, special('<|end|>')]),
    ]);
    expect([...tokens.slice(1, 3)]).toEqual([40, 41]);
    expect([...lossMask]).toEqual([0, 1, 1, 1]);
  });

  test('broken UTF-8 becomes replacement characters; ids outside the vocabulary are refused; no ids, no text', () => {
    const half = tokenizer.encode('é').slice(0, 1);
    expect(tokenizer.decode(half)).toBe('\uFFFD');
    expect(tokenizer.decode([])).toBe('');
    expect(() => tokenizer.decode([100_000])).toThrow('expected token ids in [0, ');
  });

  test('what is no tokenizer.json is refused', async () => {
    expect(() => new Tokenizer({})).toThrow('expected a Hugging Face tokenizer.json');
    await expect(Tokenizer.fromFile('/nonexistent/tokenizer.json')).rejects.toThrow('/nonexistent/tokenizer.json');
  });
});

interface ReferenceText {
  text: string;
  ids: number[];
  decoded: string;
  ids_special: number[];
}

const shared = process.env.PARL_MT_SHARED ?? resolve(import.meta.dirname, '../../../../shared');
const fixtures = resolve(shared, 'fixtures/models/tokenizers');

describe.skipIf(!existsSync(fixtures))('reference texts of Hugging Face tokenizers', () => {
  test.each(['qwen2', 'llama3'])('%s: ids and texts are the published ones', (name) => {
    const reference = new Tokenizer(JSON.parse(readFileSync(resolve(fixtures, name, 'tokenizer.json'), 'utf8')));
    let compared = 0;
    for (const line of readFileSync(resolve(fixtures, name, 'expected.jsonl'), 'utf8')
      .trim()
      .split('\n')) {
      const { text: original, ids, decoded, ids_special } = JSON.parse(line) as ReferenceText;
      expect(reference.decode(ids_special)).toBe(decoded);
      if (/<\|?[^>]*>/.test(original)) continue; // added tokens in text: ours stay ordinary text, by design
      expect(reference.encode(original)).toEqual(ids);
      compared += 1;
    }
    expect(compared).toBeGreaterThan(200);
  });

  test.each(['qwen2', 'llama3'])('%s: ids that no text gives, broken UTF-8 included', (name) => {
    const reference = new Tokenizer(JSON.parse(readFileSync(resolve(fixtures, name, 'tokenizer.json'), 'utf8')));
    for (const line of readFileSync(resolve(fixtures, name, 'decode.jsonl'), 'utf8')
      .trim()
      .split('\n')) {
      const { ids, decoded } = JSON.parse(line) as { ids: number[]; decoded: string };
      expect(reference.decode(ids)).toBe(decoded);
    }
  });
});
if (!existsSync(fixtures)) console.log(`tokenizer reference texts: skipped, no ${fixtures}`);
