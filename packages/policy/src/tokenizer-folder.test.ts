import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { trainBpe } from './bpe-trainer.js';
import { readTokenizerFolder } from './tokenizer-folder.js';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'tokenizer-'));
  await writeFile(path.join(folder, 'tokenizer.json'), JSON.stringify(trainBpe(['a b'], { vocabSize: 270 })));
});
afterEach(() => rm(folder, { recursive: true }));

function write(name: string, content: unknown): Promise<void> {
  return writeFile(path.join(folder, name), typeof content === 'string' ? content : JSON.stringify(content));
}

describe('readTokenizerFolder', () => {
  test('reads the form of transformers 4', async () => {
    await write('tokenizer_config.json', {
      chat_template: [
        { name: 'default', template: 'D' },
        { name: 'tool_use', template: 'T' },
      ],
      bos_token: { content: '<s>' },
      eos_token: '</s>',
      pad_token: null,
      model_max_length: 1e30,
      added_tokens_decoder: { 400: { content: '<|extra|>', special: true } },
    });
    await write('special_tokens_map.json', { eos_token: 'overruled', unk_token: '<unk>' });
    const { tokenizer, json: _, ...rest } = await readTokenizerFolder(folder);
    expect(rest).toEqual({
      chatTemplate: 'D',
      namedTemplates: { tool_use: 'T' },
      specialTokens: { bos_token: '<s>', eos_token: '</s>', unk_token: '<unk>' },
      maxLength: undefined,
    });
    expect(tokenizer.specialId('<|extra|>')).toBe(400);
    expect(tokenizer.tokenize('<|extra|>').ids).toEqual([400]);
  });

  test('a template of its own file comes first', async () => {
    await write('tokenizer_config.json', { chat_template: 'in the configuration', model_max_length: 4096 });
    await write('chat_template.jinja', 'in its file');
    const { chatTemplate, maxLength } = await readTokenizerFolder(folder);
    expect(chatTemplate).toBe('in its file');
    expect(maxLength).toBe(4096);
  });

  test.each([
    ['{', 'expected JSON in'],
    ['{}', 'it has no model'],
    ['{"model":{"type":"BPE","vocab":{"a":1e12},"merges":[]}}', 'the id of "a" is 1000000000000'],
    ['{"model":{"type":"Nope","vocab":{"a":0}}}', 'expected a Hugging Face tokenizer.json'],
    ['[]', 'it is no object'],
    ['{"model":{"vocab":{}},"added_tokens":[{"id":1}]}', 'an added token has no id or content'],
  ])('refuses %s', async (content, message) => {
    await write('tokenizer.json', content);
    await expect(readTokenizerFolder(folder)).rejects.toThrow(message);
  });

  test('says which file is missing', async () => {
    await expect(readTokenizerFolder(path.join(folder, 'nowhere'))).rejects.toThrow(
      /tokenizer\.json at .*there is none/,
    );
  });
});
