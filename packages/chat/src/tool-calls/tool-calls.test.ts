import { describe, expect, test } from 'vitest';
import { hermesFormat } from './hermes-format.js';
import { llamaFormat } from './llama-format.js';
import { pythonFormat } from './python-format.js';
import { parseToolCalls, type ToolCallFormat } from './tool-call-format.js';
import { xlamFormat } from './xlam-format.js';

const CALLS = [
  { name: 'get_weather', arguments: '{"city": "Köln", "days": 2}' },
  { name: 'list_files', arguments: '{}' },
];

describe('rendering, as the models write', () => {
  test.each([
    [
      hermesFormat,
      '<tool_call>\n{"name": "get_weather", "arguments": {"city": "Köln", "days": 2}}\n</tool_call>\n' +
        '<tool_call>\n{"name": "list_files", "arguments": {}}\n</tool_call>',
    ],
    [
      llamaFormat,
      '{"name": "get_weather", "parameters": {"city": "Köln", "days": 2}}; {"name": "list_files", "parameters": {}}',
    ],
    [
      xlamFormat,
      '[{"name": "get_weather", "arguments": {"city": "Köln", "days": 2}}, {"name": "list_files", "arguments": {}}]',
    ],
    [pythonFormat, "[get_weather(city='Köln', days=2), list_files()]"],
  ])('$name', (format, text) => {
    expect(format.render(CALLS)).toBe(text);
    expect(parseToolCalls(format, text)).toEqual({ content: '', calls: CALLS });
  });

  test('content beside calls', () => {
    expect(hermesFormat.render(CALLS.slice(1), 'Let me look.')).toBe(
      'Let me look.\n<tool_call>\n{"name": "list_files", "arguments": {}}\n</tool_call>',
    );
    for (const format of [llamaFormat, xlamFormat, pythonFormat]) {
      expect(() => format.render(CALLS, 'Let me look.')).toThrow('expected calls or content');
    }
  });

  test('arguments that are no object, and names that cannot be called', () => {
    for (const format of [hermesFormat, llamaFormat, xlamFormat, pythonFormat]) {
      expect(() => format.render([{ name: 'f', arguments: '[1]' }])).toThrow(/object/);
      expect(() => format.render([{ name: 'f', arguments: '{' }])).toThrow(/arguments of f/);
      expect(() => format.render([{ name: '', arguments: '{}' }])).toThrow('function name');
    }
    expect(() => pythonFormat.render([{ name: 'two words', arguments: '{}' }])).toThrow('function name');
  });
});

describe('reading', () => {
  test.each<[ToolCallFormat, string, object]>([
    [hermesFormat, 'Hi', { content: 'Hi', calls: [] }],
    [hermesFormat, 'a <b> c', { content: 'a <b> c', calls: [] }],
    [
      hermesFormat,
      '<tool_call>{"name":"f","arguments":{"t":"</tool_call>"}}</tool_call>',
      { content: '', calls: [{ name: 'f', arguments: '{"t": "</tool_call>"}' }] },
    ],
    [
      hermesFormat,
      'x\n<tool_call>{"name":"f"}</tool_call>\ny ',
      { content: 'x\ny', calls: [{ name: 'f', arguments: '{}' }] },
    ],
    [
      hermesFormat,
      '<tool_call>{"name":"f","arguments":"{\\"a\\": 1.0}"}</tool_call>',
      { content: '', calls: [{ name: 'f', arguments: '{"a": 1.0}' }] },
    ],
    [llamaFormat, '{"answer": 3}', { content: '{"answer": 3}', calls: [] }],
    [
      llamaFormat,
      '<|python_tag|>{"name":"f","parameters":{}}',
      { content: '', calls: [{ name: 'f', arguments: '{}' }] },
    ],
    [xlamFormat, '[]', { content: '', calls: [] }],
    [xlamFormat, '[Note] none', { content: '[Note] none', calls: [] }],
    [pythonFormat, '[]', { content: '', calls: [] }],
    [pythonFormat, '[1] is a list', { content: '[1] is a list', calls: [] }],
    [pythonFormat, '[f(a="x, ]y"),]', { content: '', calls: [{ name: 'f', arguments: '{"a": "x, ]y"}' }] }],
  ])('%o reads %j', (format, text, expected) => {
    expect(parseToolCalls(format, text)).toEqual(expected);
  });

  test.each<[ToolCallFormat, string, string, number]>([
    [hermesFormat, 'ab<tool_call>{"name": }</tool_call>', 'syntax', 22],
    [hermesFormat, '<tool_call>f()</tool_call>', 'syntax', 11],
    [hermesFormat, '<tool_call>{"name": "f"}', 'incomplete', 24],
    [hermesFormat, '<tool_call>{"name": "f"} x', 'syntax', 25],
    [hermesFormat, '<tool_call>{"arguments": {}}</tool_call>', 'shape', 11],
    [hermesFormat, '<tool_call>{"name": "f", "arguments": [1]}</tool_call>', 'shape', 11],
    [llamaFormat, '{"name": "f"', 'incomplete', 12],
    [llamaFormat, '{"name": "f"} and', 'trailing', 14],
    [llamaFormat, '{"name": "f"}; g', 'syntax', 15],
    [llamaFormat, '<|python_tag|>print(1)', 'syntax', 14],
    [xlamFormat, '[{"name": "f"} {"name": "g"}]', 'syntax', 15],
    [xlamFormat, '[{"name": "f"}] done', 'trailing', 16],
    [xlamFormat, '[{"name": 1}]', 'shape', 1],
    [pythonFormat, '[f(1)]', 'syntax', 3],
    [pythonFormat, "[f(a='x)]", 'incomplete', 9],
    [pythonFormat, '[f(a=1)] done', 'trailing', 9],
    [pythonFormat, '[f(a=1)), g()]', 'syntax', 7],
  ])('%o finds what is wrong in %j', (format, text, kind, position) => {
    expect(parseToolCalls(format, text).error).toMatchObject({ kind, position });
  });

  test('calls before an error are kept, and events come as soon as they are certain', () => {
    const stream = xlamFormat.stream();
    expect(stream.push('[{"name": "f", "arguments": {}}')).toEqual([
      { type: 'call', call: { name: 'f', arguments: '{}' } },
    ]);
    expect(stream.push(', {"name"')).toEqual([]);
    expect(stream.end()).toMatchObject([{ type: 'error', error: { kind: 'incomplete', position: 40 } }]);
    expect(stream.push('more')).toEqual([]);
  });

  test('content is held back no longer than a tag could begin in it', () => {
    const stream = hermesFormat.stream();
    expect(stream.push('a<tool')).toEqual([{ type: 'content', text: 'a' }]);
    expect(stream.push('box')).toEqual([{ type: 'content', text: '<toolbox' }]);
  });

  test('a call without end is given up at the limit', () => {
    const stream = hermesFormat.stream();
    stream.push('<tool_call>{"a": "');
    expect(stream.push('x'.repeat(70_000))).toMatchObject([{ type: 'error', error: { kind: 'syntax', position: 11 } }]);
  });
});
