import type { ConfigJsonSchema } from '@parl-mt/schema';
import { describe, expect, test } from 'vitest';
import { parseFlagValue } from './flag-value.js';

describe('parseFlagValue', () => {
  test.each<[ConfigJsonSchema, string, unknown]>([
    [{ type: 'integer' }, '4', 4],
    [{ type: 'number' }, '-2.5e-3', -0.0025],
    [{ type: 'number' }, '.5', 0.5],
    [{ type: 'boolean' }, 'true', true],
    [{ type: 'string' }, '12', '12'],
    [{ type: 'array', items: { type: 'string' } }, 'a, b', ['a', 'b']],
    [{ type: 'array', items: { type: 'integer' } }, '1,2', [1, 2]],
    [{ type: 'array', items: { type: 'string' } }, '["a,b"]', ['a,b']],
    [{ type: 'array', items: { type: 'string' } }, '', []],
    [{ type: 'object' }, '{"a": 1}', { a: 1 }],
  ])('%j reads %s', (schema, text, value) => {
    expect(parseFlagValue(schema, text, '--x')).toEqual(value);
  });

  test.each(['', ' ', '0x10', '1_000', 'NaN', 'Infinity', '1,5', '4 ', 'four'])('"%s" is no number', (text) => {
    expect(() => parseFlagValue({ type: 'number' }, text, '--rl.clip-low')).toThrow(
      `--rl.clip-low: expected a number, received "${text}"`,
    );
  });

  test('a boolean is true or false, and JSON is JSON', () => {
    expect(() => parseFlagValue({ type: 'boolean' }, 'yes', '--x')).toThrow(
      '--x: expected true or false, received "yes"',
    );
    expect(() => parseFlagValue({ type: 'object' }, '{', '--x')).toThrow(/^--x: expected JSON, /);
  });
});
