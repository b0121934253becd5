import { expect, test } from 'vitest';
import { kindOfFile } from './suite.js';

test('the longest prefix that a file name starts with is its kind', () => {
  const kinds = ['user', 'user_sim', 'errors'] as const;
  expect(kindOfFile('user_sim.jsonl', kinds)).toBe('user_sim');
  expect(kindOfFile('user_sim_2.jsonl', kinds)).toBe('user_sim');
  expect(kindOfFile('errors.json', kinds)).toBe('errors');
  expect(kindOfFile('errors-2.jsonl.gz', kinds)).toBe('errors');
  expect(kindOfFile('errors2.jsonl', kinds)).toBe('errors');
  expect(kindOfFile('errorsome.jsonl', kinds)).toBeUndefined();
  expect(kindOfFile('notes.txt', kinds)).toBeUndefined();
});
