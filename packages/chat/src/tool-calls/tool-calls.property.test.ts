import type { ToolCall } from '@parl-mt/schema';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readJson } from '../json-reader.js';
import { writeJson } from '../literal-value.js';
import { hermesFormat } from './hermes-format.js';
import { llamaFormat } from './llama-format.js';
import { pythonFormat } from './python-format.js';
import { type ParsedToolCalls, parseToolCalls, type ToolCallFormat } from './tool-call-format.js';
import { xlamFormat } from './xlam-format.js';

const FORMATS: readonly ToolCallFormat[] = [hermesFormat, llamaFormat, xlamFormat, pythonFormat];

const nasty = fc.constantFrom(
  '</tool_call>',
  '<tool_call>',
  '"',
  "'",
  "'''",
  '\\',
  '\\"',
  ']',
  '}',
  ';',
  ',',
  '\n',
  '[',
  '{',
);
const text = fc
  .array(fc.oneof(fc.string({ unit: 'grapheme', maxLength: 6 }), nasty), { maxLength: 5 })
  .map((parts) => parts.join(''));
const value = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.constantFrom('null', 'true', 'false', '1.0', '-0.0', '1e-07', '12345678901234567890', '7'),
    text.map((content) => JSON.stringify(content)),
    fc.array(tie('value') as fc.Arbitrary<string>, { maxLength: 3 }).map((items) => `[${items.join(',')}]`),
    fc
      .uniqueArray(fc.tuple(text, tie('value') as fc.Arbitrary<string>), { maxLength: 3, selector: ([key]) => key })
      .map((entries) => `{${entries.map(([key, item]) => `${JSON.stringify(key)}:${item}`).join(',')}}`),
  ),
})).value;
const key = fc.constantFrom('path', 'n', 'two words', 'ключ', 'class', 'a-b', '10', '9');
const call: fc.Arbitrary<ToolCall> = fc
  .tuple(
    fc.constantFrom('get_weather', 'mkdir', 'server.tool', 'a-b', 'ß'),
    fc.uniqueArray(fc.tuple(key, value), { maxLength: 4, selector: ([name]) => name }),
  )
  .map(([name, entries]) => {
    // Python text writes names that are no identifiers behind the others.
    const isPlain = ([entry]: readonly [string, string]): boolean =>
      /^[\p{L}_][\p{L}\p{N}_]*(?:[.-][\p{L}\p{N}_]+)*$/u.test(entry);
    const ordered = [...entries.filter(isPlain), ...entries.filter((entry) => !isPlain(entry))];
    return {
      name,
      arguments: canonical(`{${ordered.map(([each, item]) => `${JSON.stringify(each)}:${item}`).join(',')}}`),
    };
  });

function canonical(json: string): string {
  const parsed = readJson(json);
  if (!parsed.ok) throw new Error(parsed.error.message);
  return writeJson(parsed.value);
}

/** Reads a text cut at the given places. */
function parseInPieces(format: ToolCallFormat, source: string, cuts: readonly number[]): ParsedToolCalls {
  const stream = format.stream();
  const places = [0, ...cuts.map((cut) => Math.floor(cut * (source.length + 1))).sort((a, b) => a - b), source.length];
  const events = places.slice(1).flatMap((end, i) => stream.push(source.slice(places[i], end)));
  events.push(...stream.end());
  const failed = events.find((event) => event.type === 'error');
  return {
    content: events.map((event) => (event.type === 'content' ? event.text : '')).join(''),
    calls: events.flatMap((event) => (event.type === 'call' ? [event.call] : [])),
    ...(failed?.type === 'error' && { error: failed.error }),
  };
}

const cuts = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 12 });

describe.each(FORMATS.map((format) => [format.name, format] as const))('%s', (_, format) => {
  test('what is rendered is read again, whole and in pieces', () => {
    fc.assert(
      fc.property(fc.array(call, { minLength: 1, maxLength: 4 }), cuts, (calls, places) => {
        const rendered = format.render(calls);
        expect(parseToolCalls(format, rendered)).toEqual({ content: '', calls });
        expect(parseInPieces(format, rendered, places)).toEqual({ content: '', calls });
      }),
      { numRuns: 300 },
    );
  });

  test('content without calls is read as it is', () => {
    const plain = text.filter((content) => !content.includes('<tool_call>') && !/^\s*[[{]/.test(content));
    fc.assert(
      fc.property(plain, cuts, (content, places) => {
        expect(parseInPieces(format, format.render([], content), places)).toEqual({ content, calls: [] });
      }),
    );
  });

  test('any text gives a result, the same however it is cut, with the place of an error inside it', () => {
    const pieces = fc.array(
      fc.oneof(
        call.map((each) => format.render([each])),
        fc.string({ unit: 'grapheme', maxLength: 8 }),
        nasty,
        fc.constantFrom(
          '<|python_tag|>',
          '{"name": "f"',
          '"arguments": 1}',
          'f(a=',
          'f(',
          ')',
          '[f',
          '[{',
          '; ',
          '<tool',
        ),
      ),
      { maxLength: 6 },
    );
    fc.assert(
      fc.property(pieces, cuts, (parts, places) => {
        const source = parts.join('');
        const whole = parseToolCalls(format, source);
        expect(parseInPieces(format, source, places)).toEqual(whole);
        if (whole.error === undefined) return;
        expect(whole.error.position).toBeGreaterThanOrEqual(0);
        expect(whole.error.position).toBeLessThanOrEqual(source.length);
      }),
      { numRuns: 1000 },
    );
  });
});

test('hermes: content stands before the calls', () => {
  const content = fc.string({ unit: 'grapheme' }).filter((each) => !each.includes('<') && each.trimEnd() === each);
  fc.assert(
    fc.property(content, fc.array(call, { minLength: 1, maxLength: 3 }), cuts, (each, calls, places) => {
      expect(parseInPieces(hermesFormat, hermesFormat.render(calls, each), places)).toEqual({ content: each, calls });
    }),
  );
});
