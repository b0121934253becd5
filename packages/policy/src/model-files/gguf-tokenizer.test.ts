import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { byteToCharacter } from '../byte-alphabet.js';
import { ggufBytes, text, uint32, uint64 } from './gguf.testing.js';
import { readModelTokenizer } from './model-tokenizer.js';

const STRING = 8;
const ARRAY = 9;
const INT32 = 5;
const UINT32 = 4;
const BOOL = 7;

const strings = (values: readonly string[]): Uint8Array =>
  Uint8Array.from([...uint32(STRING), ...uint64(values.length), ...values.flatMap((value) => [...text(value)])]);
const integers = (values: readonly number[]): Uint8Array =>
  Uint8Array.from([...uint32(INT32), ...uint64(values.length), ...values.flatMap((value) => [...uint32(value)])]);

const letters = byteToCharacter().filter((_, byte) => byte !== 0x1d);
const tokens = ['<s>', '</s>', ...letters, 'ab', 'Ġab', '12', 'abab', '<user>'];
const types = tokens.map((token) => (token === '<user>' ? 4 : /^<\/?s>$/.test(token) ? 3 : 1));
type Entry = readonly [string, number, Uint8Array];
const metadata = (pre: string, more: readonly Entry[] = []): readonly Entry[] => [
  ['general.architecture', STRING, text('llama')],
  ['llama.context_length', UINT32, uint32(4096)],
  ['tokenizer.ggml.model', STRING, text('gpt2')],
  ['tokenizer.ggml.pre', STRING, text(pre)],
  ['tokenizer.ggml.tokens', ARRAY, strings(tokens)],
  ['tokenizer.ggml.token_type', ARRAY, integers(types)],
  ['tokenizer.ggml.merges', ARRAY, strings(['a b', 'Ġ ab', '1 2'])],
  ['tokenizer.ggml.bos_token_id', UINT32, uint32(0)],
  ['tokenizer.ggml.eos_token_id', UINT32, uint32(1)],
  ['tokenizer.chat_template', STRING, text('{{ messages }}')],
  ...more,
];

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'gguf-tokenizer-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function read(entries: readonly Entry[]) {
  const file = path.join(folder, 'model.gguf');
  await writeFile(file, ggufBytes({ metadata: entries }));
  return readModelTokenizer(file);
}
const spelled = (ids: readonly number[]) => ids.map((id) => tokens[id]);

describe('the tokenizer of a GGUF file', () => {
  test('splits as its name says: smollm cuts digits apart, gpt-2 does not', async () => {
    const smollm = await read(metadata('smollm'));
    expect(spelled(smollm.tokenizer.encode('ab ab12'))).toEqual(['ab', 'Ġab', '1', '2']);
    const gpt2 = await read(metadata('gpt-2'));
    expect(spelled(gpt2.tokenizer.encode('ab ab12'))).toEqual(['ab', 'Ġab', '12']);
    expect(smollm.tokenizer.decode(smollm.tokenizer.encode('ab ab12'))).toBe('ab ab12');
  });

  test('llama-bpe takes words of the vocabulary whole, and begins a text with the begin token unless told not to', async () => {
    const { tokenizer } = await read(metadata('llama-bpe'));
    expect(spelled(tokenizer.encode('abab'))).toEqual(['abab']);
    expect(spelled(tokenizer.withSpecialTokens(tokenizer.encode('ab')))).toEqual(['<s>', 'ab']);
    const without = await read(metadata('llama-bpe', [['tokenizer.ggml.add_bos_token', BOOL, Uint8Array.of(0)]]));
    expect(spelled(without.tokenizer.withSpecialTokens(without.tokenizer.encode('ab')))).toEqual(['ab']);
  });

  test('finds control tokens, and those of the user, in text; special are the former', async () => {
    const { tokenizer, specialTokens, chatTemplate, maxLength } = await read(metadata('smollm'));
    const { ids } = tokenizer.tokenize('<s>ab<user>');
    expect(spelled(ids)).toEqual(['<s>', 'ab', '<user>']);
    expect(tokenizer.decode(ids, { skipSpecialTokens: true })).toBe('ab<user>');
    expect({ specialTokens, chatTemplate, maxLength }).toEqual({
      specialTokens: { bos_token: '<s>', eos_token: '</s>' },
      chatTemplate: '{{ messages }}',
      maxLength: 4096,
    });
  });

  test('a byte without a token is dropped, and the others keep their places', async () => {
    const { tokenizer } = await read(metadata('smollm'));
    const { ids, offsets } = tokenizer.tokenize('ab\u001d\u001e\u001dab\u001d');
    expect(tokenizer.decode(ids)).toBe('ab\u001eab');
    expect(offsets).toEqual([
      [0, 2],
      [3, 4],
      [5, 7],
    ]);
  });

  test.each([
    ['another kind', [['tokenizer.ggml.model', STRING, text('llama')]], /tokenizer\.ggml\.model gpt2 .*, not llama,/],
    ['another splitting', [['tokenizer.ggml.pre', STRING, text('deepseek')]], /pre of default, .*, not deepseek,/],
    ['types of another length', [['tokenizer.ggml.token_type', ARRAY, integers([1])]], /as many entries/],
    [
      'a begin token that is none',
      [['tokenizer.ggml.bos_token_id', UINT32, uint32(9999)]],
      /bos_token_id below \d+, not 9999/,
    ],
  ] as const)('is refused: %s', async (_, changes, message) => {
    const replaced = metadata('smollm').map((entry) => changes.find(([key]) => key === entry[0]) ?? entry);
    await expect(read(replaced as readonly Entry[])).rejects.toThrow(message);
  });

  const shared = process.env['PARL_MT_SHARED'] ?? path.join(import.meta.dirname, '../../../../../shared');
  const fixture = path.join(shared, 'fixtures/models/gguf/tiny-llama-tokenizer.q8_0.gguf');
  const rows = path.join(shared, 'fixtures/models/tokenizers/llama3/expected.jsonl');
  test.skipIf(!existsSync(fixture))('gives the ids of the tokenizer it was made of', async () => {
    const { tokenizer } = await readModelTokenizer(fixture);
    for (const line of readFileSync(rows, 'utf8').trimEnd().split('\n')) {
      const row = JSON.parse(line) as { text: string; ids_special: number[] };
      expect(tokenizer.withSpecialTokens(tokenizer.tokenize(row.text).ids)).toEqual(row.ids_special);
    }
  });
});
