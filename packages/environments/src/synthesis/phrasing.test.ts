import { expect, test } from 'vitest';
import { fileSystemPhrasings } from './operations/file-system-phrasings.js';
import { mathPhrasings } from './operations/math-phrasings.js';
import { ticketPhrasings } from './operations/ticket-phrasings.js';
import { twitterPhrasings } from './operations/twitter-phrasings.js';
import { composeMessage, fill, joinWords } from './phrasing.js';
import { Random } from './random.js';

const all: Readonly<Record<string, readonly string[]>> = {
  ...fileSystemPhrasings,
  ...Object.fromEntries(Object.entries(twitterPhrasings).map(([key, list]) => [`twitter.${key}`, list])),
  ...Object.fromEntries(Object.entries(ticketPhrasings).map(([key, list]) => [`ticket.${key}`, list])),
  ...mathPhrasings,
};

test.each(Object.entries(all))('%s has at least six different wordings with the same slots', (_name, wordings) => {
  expect(new Set(wordings).size).toBeGreaterThanOrEqual(6);
  const slots = wordings.map((wording) => [...wording.matchAll(/\{(\w+)\}/g)].map((match) => match[1]).sort());
  // "line count" and "how many lines" fill one slot in two forms.
  const canonical = slots.map((names) => names.map((name) => (name === 'unit' ? 'units' : name)).join());
  expect(new Set(canonical).size).toBe(1);
});

test('fill puts texts in as they are, also "$&"', () => {
  expect(fill('write {content} into {file}', { content: "'$& {file}'", file: "'a.txt'" })).toBe(
    "write '$& {file}' into 'a.txt'",
  );
});

test('lists read as in a sentence', () => {
  expect(joinWords(['3'])).toBe('3');
  expect(joinWords(['3', '5'])).toBe('3 and 5');
  expect(joinWords(['3', '5', '8'])).toBe('3, 5 and 8');
});

test('a message holds its clauses in order, opens with a capital and ends a sentence', () => {
  for (let seed = 0; seed < 300; seed++) {
    const clauses = ['read X1', 'copy X2', 'delete X3'].slice(0, 1 + (seed % 3));
    const message = composeMessage(new Random(seed), clauses, seed % 2 === 0);
    expect(message).toMatch(/^[A-Z].*[.?]$/);
    expect(message).not.toMatch(/[{}]/);
    const places = clauses.map((clause) => message.toLowerCase().indexOf(clause.toLowerCase()));
    expect(places).not.toContain(-1);
    expect(places).toEqual([...places].sort((a, b) => a - b));
  }
});

test('follow-up words wait for the second turn', () => {
  const first = Array.from({ length: 300 }, (_, seed) => composeMessage(new Random(seed), ['read X'], true));
  expect(first.filter((message) => /^(Now|Next|Okay|Thanks|Great|And)\b/.test(message))).toEqual([]);
});
