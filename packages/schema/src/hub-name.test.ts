import { expect, test } from 'vitest';
import { parseHubName } from './hub-name.js';

test('names of the hub', () => {
  expect(parseHubName('Qwen/Qwen2.5-0.5B-Instruct')).toEqual({ id: 'Qwen/Qwen2.5-0.5B-Instruct', gguf: undefined });
  expect(parseHubName('a/b/q4/model.Q4_1.gguf')).toEqual({ id: 'a/b', gguf: 'q4/model.Q4_1.gguf' });
});

test.each([
  '',
  'model',
  './model',
  '../a/b',
  'a/..',
  '/a/b',
  'a/b/c',
  'a/b/../c.gguf',
  'a/b/.c.gguf',
  'a/b/c.safetensors',
  'a//c.gguf',
  'a/b/',
])('no name of the hub: %j', (text) => {
  expect(parseHubName(text)).toBeUndefined();
});
