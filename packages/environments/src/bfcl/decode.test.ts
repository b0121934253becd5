import { expect, test } from 'vitest';
import { decodeFunctionCalls, endsTurn } from './decode-function-calls.js';
import { decodePromptOutput } from './decode-prompt-output.js';

// Expected values are those of the official decoders (section 7 of the benchmark's specification, and its traces).

test.each([
  ['{"x": 1, "y": 1.0, "z": null, "w": false}', 'f(x=1,y=1.0,z=None,w=False)'],
  ['{"x": -0.0, "z": 1e22}', 'f(x=-0.0,z=1e+22)'],
  ['{"x": 1, "x": 2}', 'f(x=2)'],
  ['{"x": "both \' and \\""}', "f(x='both \\' and \"')"],
  ['{"__proto__": 1}', 'f(__proto__=1)'],
  ['{}', 'f()'],
])('function call with arguments %s', (args, expected) => {
  expect(decodeFunctionCalls([{ name: 'f', arguments: args }])).toEqual({ ok: true, calls: [expected] });
});

test.each([
  ['{"x": 1,}', 'JSONDecodeError'],
  ["{'x': 1}", 'JSONDecodeError'],
  ['{"x": 01}', 'JSONDecodeError'],
  ['{"x": "\n"}', 'JSONDecodeError'],
  ['', 'JSONDecodeError'],
  ['[1]', 'AttributeError'],
  ['5', 'AttributeError'],
])('arguments %j are refused with %s', (args, failure) => {
  expect(decodeFunctionCalls([{ name: 'f', arguments: args }])).toMatchObject({ ok: false, failure });
});

test.each([
  ['[ls(a=True)]', ['ls(a=True)']],
  ['f(x=1), g(y=2)', ['f(x=1)', 'g(y=2)']],
  ['```\n[ls()]\n```', ['ls()']],
  ["cd('x')", ['cd()']],
  ['[f(x=not True, y=~1)]', ['f(x=-1, y=-1)']],
  ['[f(x=2*3.5)]', ['f(x=7.0)']],
  ['[f(x=true)]', ["f(x='true')"]],
  ['[f(x=g(y=1))]', ['f(x=g(y=1))']],
  ['[f(x=g(1 + 2 * (3 - 4)))]', ["f(x='g(1 + 2 * (3 - 4))')"]],
  ["[f(x=d['k'])]", ['f(x="d[\'k\']")']],
  ["[f(x={'it\\'s': 1})]", ["f(x={'it's': 1})"]],
  ["[f(x={'a': {}})]", ['f(x=a())']],
  ['[f(**kw)]', ["f(None='kw')"]],
  ['[a.b(x=1)]', ['a.b(x=1)']],
])('text %j', (output, calls) => {
  expect(decodePromptOutput(output)).toEqual({ ok: true, calls });
});

test.each([
  ['Done', 'AssertionError'],
  ['Here: [ls()]', 'SyntaxError'],
  ['```python\n[ls()]\n```', 'SyntaxError'],
  ['[f(x={})]', 'IndexError'],
  ['[f(x=-y)]', 'AttributeError'],
  ['[f(x=a and b)]', 'Exception'],
  ['[f(x=[i for i in y])]', 'Exception'],
  ['[f(x=lambda: 1)]', 'TypeError'],
  ['[f(x=1/0)]', 'ZeroDivisionError'],
  ['[f()][0]', 'AttributeError'],
])('text %j is refused with %s', (output, failure) => {
  expect(decodePromptOutput(output)).toMatchObject({ ok: false, failure });
});

test('a turn ends where nothing was decoded', () => {
  expect(endsTurn(decodePromptOutput('I am done.'))).toBe(true);
  expect(endsTurn(decodePromptOutput('[]'))).toBe(true);
  expect(endsTurn(decodeFunctionCalls([]))).toBe(true);
  expect(endsTurn(decodeFunctionCalls(null))).toBe(true);
  expect(endsTurn(decodePromptOutput('[ls()]'))).toBe(false);
});
