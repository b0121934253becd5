import fc from 'fast-check';
import { expect, test } from 'vitest';
import { extractLiterals, jsonStrings, occursIn, searchableText } from './literals.js';

const tools = new Set(['mkdir', 'touch', 'wc', 'create_ticket', 'echo', 'cat']);

test.each([
  ['none', []],
  ['done', []],
  ['mkdir;touch', []],
  ['in:docs/old;mkdir:docs;wc:plan.txt:l=3', ['docs/old', 'docs', 'plan.txt', 'l', '3']],
  ['in:/;echo=-4.5;wc=a=b', ['/', '-4.5', 'a', 'b']],
  ['in:done;mkdir:next', ['done', 'next']],
  ['cat:a.md=blue river', ['a.md', 'blue', 'river']],
  ['made:papers', ['papers']],
  ['create_ticket:3:5', ['3', '5']],
  ['turn done', []],
  ['in docs/old; mkdir docs; wc plan.txt l = 3', ['docs/old', 'docs', 'plan.txt', 'l', '3']],
  ['next echo plan.txt; then cat', ['plan.txt']],
  ['The call is at 12:30, its id:731.', ['12', '30', '12:30', '731']],
  [
    "Created the file 'my notes' for Greta in /home, see #news and @amara.",
    ['my notes', 'Greta', '/home', '#news', '@amara'],
  ],
  ['The mean is -4.50, ticket no. TK_7 is open.', ['-4.50', 'TK_7']],
  ["The user's request is done.", []],
])('%s', (text, literals) => {
  expect(extractLiterals(text, tools)).toEqual(literals);
});

test.each([
  ['3', 'ticket 3.', true],
  ['3', 'in 3.5 hours', false],
  ['4.5', '14.52', false],
  ['4.5', 'mean: 4.5, max', true],
  ['5', '-5', false],
  ['5', 'a - 5', true],
  ['-5', 'was -5', true],
  ['docs', 'mydocs', false],
  ['plan.txt', "'plan.txt'", true],
  ['docs/old', 'cd docs then cd old', true],
  ['docs/new', 'cd docs then cd old', false],
  ['#news', 'tags #newsroom', false],
  ['/', 'anything', true],
])('%s in "%s": %s', (literal, text, found) => {
  expect(occursIn(literal, text)).toBe(found);
});

test('law: a word placed between spaces is found, glued to letters it is not', () => {
  const word = fc.stringMatching(/^[a-z]{3,8}$/);
  fc.assert(
    fc.property(word, word, (literal, other) => {
      expect(occursIn(literal, `say ${literal} now`)).toBe(true);
      expect(occursIn(`${literal}q`, `say ${literal}`)).toBe(false);
      expect(occursIn(`x9${literal}`, `${other} x9${literal}${other}`)).toBe(false);
    }),
  );
});

test('results are searched with their JSON strings unescaped, awareness is no evidence', () => {
  const text = searchableText([
    { role: 'tool', content: '{"file_content": "say \\"hi\\" now"}' },
    {
      role: 'assistant',
      content: '',
      awareness: { summary: 'ticket 99', plan: 'x' },
      toolCalls: [{ name: 'cat', arguments: '{"f": "caf\\u00e9"}' }],
    },
  ]);
  expect(occursIn('say "hi" now', text)).toBe(true);
  expect(occursIn('café', text)).toBe(true);
  expect(occursIn('99', text)).toBe(false);
});

test('text that is no JSON has no strings', () => {
  expect(jsonStrings('None')).toEqual([]);
  expect(jsonStrings('{"a": ["b", {"c": "d"}]}').sort()).toEqual(['a', 'b', 'c', 'd']);
});
