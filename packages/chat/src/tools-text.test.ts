import { expect, test } from 'vitest';
import { renderTools } from './tools-text.js';

function tool(name: string, properties: Record<string, unknown>, required: string[]) {
  return { name, description: '', parameters: { type: 'object', properties, required } };
}

test('required parameters are bare, optional ones show their default or a question mark', () => {
  const echo = tool('echo', { content: { type: 'string' }, file_name: { type: 'string', default: '' } }, ['content']);
  const post = tool(
    'post',
    { text: {}, tags: { default: ['a'] }, urgent: { default: false }, mood: {}, reply: { default: 'None' } },
    ['text'],
  );
  expect(renderTools([echo, post])).toBe(
    "echo(content, file_name='')\npost(text, tags=['a'], urgent=False, mood?, reply=None)",
  );
});

test('a specification without parameters or with garbage in it has an empty signature', () => {
  expect(renderTools([{ name: 'ls', description: '', parameters: {} }])).toBe('ls()');
  expect(renderTools([{ name: 'ls', description: '', parameters: { properties: null, required: 7 } }])).toBe('ls()');
});
