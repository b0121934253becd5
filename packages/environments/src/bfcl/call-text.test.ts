import { expect, test } from 'vitest';
import { builtInTools } from './bfcl-environment.js';
import { parseCallText } from './call-text.js';

const tools = builtInTools(['GorillaFileSystem']);

test('keyword arguments keep their number spelling', () => {
  expect(parseCallText("f(a=1, b=1.0, c=[None, True], d={'k': 'v'})")).toEqual({
    name: 'f',
    arguments: '{"a": 1, "b": 1.0, "c": [null, true], "d": {"k": "v"}}',
  });
});

test('positional arguments take their names from the tool', () => {
  expect(parseCallText("mv('a', 'b')", tools)).toEqual({
    name: 'mv',
    arguments: '{"source": "a", "destination": "b"}',
  });
  expect(parseCallText("mv('a', 'b')")).toBeUndefined();
  expect(parseCallText("mv('a', source='b')", tools)).toBeUndefined();
});

test('anything but a call with literal arguments is undefined', () => {
  for (const text of ['5', 'f(x=y)', 'f(x=g())', 'a.b()', 'f(', 'f(**{})', 'f(x={1})', '']) {
    expect(parseCallText(text)).toBeUndefined();
  }
});
