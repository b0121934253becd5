import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { UsageError } from '@parl-mt/schema';
import { describe, expect, test } from 'vitest';
import { writeJson } from './literal-value.js';
import { parseCallText, renderCallText } from './python-call.js';
import { readPythonLiteral } from './python-reader.js';

// Values printed by CPython 3.11: json.dumps of ast.literal_eval of each argument (floats keep the source's spelling here).
test.each([
  ["mkdir(dir_name='docs')", 'mkdir', '{"dir_name": "docs"}'],
  ['f()', 'f', '{}'],
  [' f ( a = 1 , ) ', 'f', '{"a": 1}'],
  [
    'f(a=1_000,b=.5,c=5.,d=0x1F,e=1E5,g=-0.0,h=5.0,i=5)',
    'f',
    '{"a": 1000, "b": 0.5, "c": 5.0, "d": 31, "e": 1E5, "g": -0.0, "h": 5.0, "i": 5}',
  ],
  [
    "f(a='x' \"y\", b='''l1\nl2''', c=r'\\d', d='\\d\\x41\\u00e9\\101\\n')",
    'f',
    '{"a": "xy", "b": "l1\\nl2", "c": "\\\\d", "d": "\\\\dAéA\\n"}',
  ],
  ['f(a=True, b=False, c=None)', 'f', '{"a": true, "b": false, "c": null}'],
  [
    "f(a=[1, [2]], b=(1, 2), c=(1,), d=(1), e=(), g={'k': [-1]})",
    'f',
    '{"a": [1, [2]], "b": [1, 2], "c": [1], "d": 1, "e": [], "g": {"k": [-1]}}',
  ],
  ["f(**{'a b': 1}, c=2)", 'f', '{"a b": 1, "c": 2}'],
  ['get-weather.now(city-name="Bonn")', 'get-weather.now', '{"city-name": "Bonn"}'],
  ['f(n=123456789012345678901234567890)', 'f', '{"n": 123456789012345678901234567890}'],
])('%s is read', (source, name, args) => {
  expect(parseCallText(source)).toEqual({ ok: true, call: { name, arguments: args } });
});

test.each([
  ['', 'expected a function name, received the end of the text', 0],
  ['f', 'expected "("', 1],
  ["f('x')", 'expected a keyword argument', 2],
  ['f(x)', 'expected "=" after argument name x', 3],
  ['f(a==1)', 'expected "=" after argument name a', 3],
  ['f(a=1', 'expected "," or ")"', 5],
  ['f(a=1) and more', 'expected the end of the call', 7],
  ['f(a=1, a=2)', '"a" is repeated', 10],
  ["f(a='x)", "expected a string closed by '", 4],
  ["f(a='x\ny')", "expected a string closed by '", 4],
  ['f(a=g())', 'expected a literal', 4],
  ['f(a=true)', 'expected a literal', 4],
  ['f(a=007)', 'expected a decimal number', 4],
  ['f(a=1j)', 'expected a decimal number', 4],
  ['f(a={1: 2})', 'expected a string as dict key', 5],
  ["f(a='\\xZZ')", 'expected a complete \\x', 5],
  ["f(a='\\UFFFFFFFF')", 'expected a code point', 5],
  [`f(a=${'['.repeat(40)}`, 'expected at most 32 levels', 4 + 32],
  [`f(a='${'x'.repeat(70_000)}')`, 'expected a call of at most 65536 characters', 0],
])('%s is refused with its position', (source, message, position) => {
  const parsed = parseCallText(source);
  expect(parsed).toMatchObject({ ok: false, error: { position } });
  expect(!parsed.ok && parsed.error.message).toContain(message);
});

test('a lone literal is read, and nothing may follow it', () => {
  const read = readPythonLiteral(" [{'id': 370, 'open': True}] ");
  expect(read.ok && writeJson(read.value)).toBe('[{"id": 370, "open": true}]');
  expect(readPythonLiteral("{'result': mpf('2.0')}")).toMatchObject({ ok: false, error: { position: 11 } });
  expect(readPythonLiteral('1 2')).toMatchObject({ ok: false, error: { position: 2 } });
});

describe('renderCallText', () => {
  // Right-hand sides are CPython 3.11's repr.
  test.each([
    ["it's", `"it's"`],
    ['say "hi"', `'say "hi"'`],
    ['it\'s "so"', `'it\\'s "so"'`],
    ['a\\b\n\t\r', `'a\\\\b\\n\\t\\r'`],
    ['\u0000\u007f\u00a0é\u2028😀\ud800\u200b', `'\\x00\\x7f\\xa0é\\u2028😀\\ud800\\u200b'`],
    ['', `''`],
  ])('writes strings as Python does', (value, repr) => {
    expect(renderCallText({ name: 'f', arguments: JSON.stringify({ a: value }) })).toBe(`f(a=${repr})`);
  });

  test('keeps the spelling of numbers and writes constants and containers as Python does', () => {
    const args = '{"a": 5.0, "b": 1e-05, "c": [true, null], "d": {"k": false}, "a b": 1}';
    expect(renderCallText({ name: 'f', arguments: args })).toBe(
      "f(a=5.0, b=1e-05, c=[True, None], d={'k': False}, **{'a b': 1})",
    );
  });

  test.each([
    [{ name: 'f', arguments: '[1]' }, /to be a JSON object, received list/],
    [{ name: 'f', arguments: '{"a": }' }, /as JSON text: expected a JSON value at offset 6/],
    [{ name: 'f', arguments: '{"a": "\n"}' }, /raw control characters/],
    [{ name: 'a b', arguments: '{}' }, /expected a function name/],
  ])('refuses what cannot be a call', (call, message) => {
    expect(() => renderCallText(call)).toThrow(UsageError);
    expect(() => renderCallText(call)).toThrow(message);
  });
});

const traces = `${process.env.PARL_MT_SHARED ?? fileURLToPath(new URL('../../../../shared', import.meta.url))}/bfcl/traces/multi_turn_base.jsonl`;
const skipReason = existsSync(traces) ? '' : ` (skipped: ${traces} is absent)`;
test.skipIf(skipReason !== '')(`keyword calls of the official traces survive a round trip${skipReason}`, () => {
  const calls = readFileSync(traces, 'utf8')
    .trim()
    .split('\n')
    .flatMap((line) => (JSON.parse(line) as { turns: { calls: string[] }[] }).turns.flatMap((turn) => turn.calls));
  let keywordCalls = 0;
  for (const text of calls) {
    const parsed = parseCallText(text);
    if (parsed.ok) {
      keywordCalls += 1;
      expect(parseCallText(renderCallText(parsed.call))).toEqual(parsed);
    } else {
      expect(parsed.error.message).toMatch(/keyword/); // positional arguments are the only reason
    }
  }
  expect(keywordCalls).toBeGreaterThan(0.9 * calls.length);
});
