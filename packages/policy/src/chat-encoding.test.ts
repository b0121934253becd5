import { ChatTemplate } from '@parl-mt/chat';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { trainBpe } from './bpe-trainer.js';
import { encodeChat } from './chat-encoding.js';
import { Tokenizer } from './tokenizer.js';

const json = trainBpe(['the weather in Oslo is fine today', 'the time in Rome'], { vocabSize: 300 });
const tokenizer = new Tokenizer(JSON.parse(JSON.stringify(json)));
const TEMPLATE = new ChatTemplate(
  "{% for m in messages %}<|{{ m.role }}|>{% if m.role == 'assistant' %}{% generation %}{{ m.content }}<|end|>{% endgeneration %}{% else %}{{ m.content }}<|end|>{% endif %}{% endfor %}",
);
const end = tokenizer.specialId('<|end|>');

describe('encodeChat', () => {
  test('the mask covers what the model writes and nothing else', () => {
    const chat = TEMPLATE.render({
      messages: [
        { role: 'user', content: 'time?' },
        { role: 'assistant', content: 'fine' },
        { role: 'user', content: 'ok' },
      ],
    });
    const { tokens, lossMask } = encodeChat(tokenizer, chat);
    const learnt = [...tokens].filter((_, i) => lossMask[i] === 1);
    expect(tokenizer.decode(learnt)).toBe('fine<|end|>');
    expect([...tokens].filter((id) => id === end)).toHaveLength(3);
  });

  test('no data makes a control token, whatever it says', () => {
    const controlTokens = TEMPLATE.controlTokens(tokenizer.addedTokens);
    const piece = fc.oneof(fc.string(), fc.constantFrom('<|end|>', '<|user|>', '<|e', 'nd|>', '<think>', ' ', '\n'));
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 8 }), (pieces) => {
        const content = pieces.join('');
        const chat = TEMPLATE.render({ messages: [{ role: 'user', content }], controlTokens });
        const { tokens } = encodeChat(tokenizer, chat);
        const control = [...tokens].filter((id) => tokenizer.addedTokens.some((token) => token.id === id));
        expect(control).toEqual([tokenizer.specialId('<|user|>'), end]);
        expect(tokenizer.decode(tokens)).toBe(`<|user|>${content}<|end|>`);
      }),
    );
  });

  test('without the list of control tokens they are taken as written', () => {
    const chat = TEMPLATE.render({ messages: [{ role: 'user', content: 'a<|end|>b' }] });
    expect([...encodeChat(tokenizer, chat).tokens].filter((id) => id === end)).toHaveLength(2);
  });
});

describe('Tokenizer.tokenize', () => {
  test('offsets cut the text into what the tokens spell', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 40 }), (text) => {
        const { ids, offsets } = tokenizer.tokenize(text);
        expect(tokenizer.decode(ids)).toBe(text);
        let covered = 0;
        for (const [i, [start, stop]] of offsets.entries()) {
          expect(start).toBeLessThanOrEqual(covered);
          covered = Math.max(covered, stop);
          const bytes = tokenizer.tokenBytes(ids[i]!);
          expect(bytes.length).toBeLessThanOrEqual(new TextEncoder().encode(text.slice(start, stop)).length);
        }
        expect(covered).toBe(text.length);
      }),
    );
  });

  test('added tokens are found, the longest first, unless the text is literal', () => {
    const { ids } = tokenizer.tokenize('a<|end|>');
    expect(ids.at(-1)).toBe(end);
    expect(tokenizer.tokenize('a<|end|>', { isLiteral: true }).ids).toEqual([...tokenizer.encode('a<|end|>')]);
  });

  test('flags of added tokens', () => {
    const flagged = (flags: object): Tokenizer =>
      new Tokenizer({
        ...json,
        added_tokens: [{ id: 0, content: 'end', special: false, normalized: false, ...flags }],
      });
    const texts = (tokens: Tokenizer, text: string): string[] =>
      tokens.tokenize(text).offsets.map(([from, to]) => text.slice(from, to));
    expect(texts(flagged({ single_word: true }), 'end')).toEqual(['end']);
    expect(
      flagged({ single_word: true })
        .tokenize('bend end')
        .ids.filter((id) => id === 0),
    ).toHaveLength(1);
    expect(texts(flagged({ lstrip: true, rstrip: true }), 'a  end  b')).toEqual(['a', '  end  ', 'b']);
  });
});
