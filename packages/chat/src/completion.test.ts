import { UsageError } from '@parl-mt/schema';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseCompletion, renderCompletion } from './completion.js';
import { SPECIAL_TOKENS, segmentsToText, special, splitSpecialTokens, text } from './segment.js';

const awareness = { summary: 'mkdir docs', plan: 'next cd docs' };

test('a rendered completion is summary, think, calls, end, all trained', () => {
  const segments = renderCompletion({ awareness, callTexts: ["cd(folder='docs')", 'ls()'] });
  expect(segmentsToText(segments)).toBe(
    "<summary>mkdir docs</summary><think>next cd docs</think><tool_call>cd(folder='docs')</tool_call><tool_call>ls()</tool_call><|end|>",
  );
  expect(segments.every((segment) => segment.trained)).toBe(true);
  expect(parseCompletion(segments, { awareness: true })).toEqual({
    awareness,
    calls: [
      { name: 'cd', arguments: '{"folder": "docs"}' },
      { name: 'ls', arguments: '{}' },
    ],
    callTexts: ["cd(folder='docs')", 'ls()'],
  });
});

test('a message ends the turn; without awareness no block is written or accepted', () => {
  const literal = segmentsToText(renderCompletion({ callTexts: [], message: 'Done.' }));
  expect(literal).toBe('Done.<|end|>');
  expect(parseCompletion(literal, { awareness: false })).toEqual({ calls: [], callTexts: [], message: 'Done.' });
});

test('either calls or a message must be given', () => {
  expect(() => renderCompletion({ callTexts: [] })).toThrow(UsageError);
  expect(() => renderCompletion({ callTexts: ['ls()'], message: 'x' })).toThrow(/received 1 calls and a message/);
});

const both = '<summary>s</summary><think>p</think>';
test.each([
  ['', 'expected <summary> at offset 0, received the end of the completion'],
  ['ls()', 'expected <summary> at offset 0, received "ls()"'],
  ['<think>p</think><summary>s</summary>Done.<|end|>', 'expected <summary> at offset 0, received <think>'],
  ['<summary>s</summary>Done.<|end|>', 'expected <think> at offset 20, received "Done."'],
  ['<summary>s<think>p</think>Done.<|end|>', 'expected </summary> at offset 10, received <think>'],
  ['<summary> </summary><think>p</think>Done.<|end|>', 'expected text inside <summary>'],
  ['<summary>s</summary><summary>s</summary><think>p</think>Done.<|end|>', 'expected <think> at offset 20'],
  [`${both}<think>p</think>Done.<|end|>`, 'expected a <tool_call> or a message at offset 36, received <think>'],
  [`${both}<|end|>`, 'expected a <tool_call> or a message at offset 36, received <|end|>'],
  [`${both}Done.`, 'expected <|end|> at offset 41, received the end of the completion'],
  [`${both}Done.<|end|>more`, 'expected nothing after <|end|> at offset 48, received "more"'],
  [`${both}<tool_call>ls()</tool_call>Done.<|end|>`, 'expected <|end|> at offset 63, received "Done."'],
  [`${both}Done.<tool_call>ls()</tool_call><|end|>`, 'expected <|end|> at offset 41, received <tool_call>'],
  [`${both}<tool_call>ls()<|end|>`, 'expected </tool_call> at offset 51, received <|end|>'],
  [`${both}<tool_call>ls(1)</tool_call><|end|>`, 'call 1 at offset 36: expected a keyword argument'],
  [`<summary>${'s'.repeat(601)}</summary><think>p</think>Done.<|end|>`, 'expected at most 600 characters in <summary>'],
  [`<summary>s</summary><think>${'p'.repeat(401)}</think>Done.<|end|>`, 'expected at most 400 characters in <think>'],
  [`${both}${'<tool_call>ls()</tool_call>'.repeat(17)}<|end|>`, 'expected at most 16 calls'],
])('refused: %s', (literal, message) => {
  const parsed = parseCompletion(literal, { awareness: true });
  expect(parsed.formatError).toContain(message);
  expect(parsed).toMatchObject({ calls: [], callTexts: [] });
  expect(parsed.message).toBeUndefined();
});

test('awareness where none belongs is refused', () => {
  expect(parseCompletion(`${both}Done.<|end|>`, { awareness: false }).formatError).toBe(
    'expected a <tool_call> or a message at offset 0, received <summary>',
  );
});

test('a special token spelled in ordinary text is not a boundary', () => {
  const segments = [text('Done </summary> <|end|> really.'), special('<|end|>')];
  expect(parseCompletion(segments, { awareness: false }).message).toBe('Done </summary> <|end|> really.');
});

test('a stripped end token is accepted on request, as chat APIs do', () => {
  expect(parseCompletion('Done.', { awareness: false, endRequired: false }).message).toBe('Done.');
});

test('law: any mix of special tokens and text gives a result, and splitting keeps the text', () => {
  const literal = fc
    .array(fc.oneof(fc.constantFrom(...SPECIAL_TOKENS), fc.string(), fc.constant('ls()')))
    .map((p) => p.join(''));
  fc.assert(
    fc.property(literal, fc.boolean(), (source, hasAwareness) => {
      expect(segmentsToText(splitSpecialTokens(source))).toBe(source);
      const parsed = parseCompletion(source, { awareness: hasAwareness });
      const isAction = parsed.calls.length > 0 !== (parsed.message !== undefined);
      expect(parsed.formatError === undefined).toBe(isAction);
    }),
  );
});

test('law: parse after render gives the parts back', () => {
  const content = fc.string({ minLength: 1, maxLength: 30 }).filter((value) => value.trim() === value && value !== '');
  fc.assert(
    fc.property(content, content, content, (summary, plan, message) => {
      const parsed = parseCompletion(renderCompletion({ awareness: { summary, plan }, callTexts: [], message }), {
        awareness: true,
      });
      expect(parsed).toEqual({ awareness: { summary, plan }, calls: [], callTexts: [], message });
    }),
  );
});
