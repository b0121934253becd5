import { expect, test } from 'vitest';
import { bindArguments, parameter, toolSpecOf } from './api-class.js';
import { ProcessObjects } from './process-objects.js';
import type { PyValue } from './python/value.js';

const a = parameter('a', 'string', 'First.');
const b = parameter('b', 'integer', 'Second.');
const c = parameter('c', 'integer', 'Third.');
const optional = parameter('d', 'integer', 'Fourth.', 7n);

function bind(
  parameters: Parameters<typeof bindArguments>[1],
  positional: PyValue[],
  keywords: [string, PyValue][] = [],
) {
  const args = { positional, keywords: keywords.map(([name, value]) => ({ name, value })) };
  return bindArguments('Api.go', parameters, args, new ProcessObjects());
}

test('positional, keyword and default arguments arrive in order', () => {
  expect(bind([a, b, optional], ['x'], [['b', null]])).toEqual(['x', null, 7n]);
});

// Wordings of CPython 3.11; `self` is counted.
const refusals: [parameters: (typeof a)[], positional: PyValue[], keywords: [string, PyValue][], message: string][] = [
  [[a], [], [], "Api.go() missing 1 required positional argument: 'a'"],
  [[a, b], [], [], "Api.go() missing 2 required positional arguments: 'a' and 'b'"],
  [[a, b, c], [], [], "Api.go() missing 3 required positional arguments: 'a', 'b', and 'c'"],
  [[a], ['x', 'y'], [], 'Api.go() takes 2 positional arguments but 3 were given'],
  [[], ['x'], [], 'Api.go() takes 1 positional argument but 2 were given'],
  [[a, optional], [1n, 2n, 3n], [], 'Api.go() takes from 2 to 3 positional arguments but 4 were given'],
  [[a], ['x'], [['z', 1n]], "Api.go() got an unexpected keyword argument 'z'"],
  [[a], ['x'], [['a', 1n]], "Api.go() got multiple values for argument 'a'"],
  // Keywords are looked at first, in order, then the count, then what is missing.
  [[a, b], ['x', 'y', 'z'], [['q', 1n]], "Api.go() got an unexpected keyword argument 'q'"],
  [[a, b, c], [], [['q', 1n]], "Api.go() got an unexpected keyword argument 'q'"],
];
for (const [index, [parameters, positional, keywords, message]] of refusals.entries()) {
  test(`refusal ${index}: ${message}`, () => {
    expect(() => bind(parameters, positional, keywords)).toThrow(message);
  });
}

test('a default made by a function is one object for all calls of a scope', () => {
  const list = parameter('list', 'array', 'List.', () => []);
  const process = new ProcessObjects();
  const none = { positional: [], keywords: [] };
  const [first] = bindArguments('Api.go', [list], none, process);
  expect(bindArguments('Api.go', [list], none, process)[0]).toBe(first);
  expect(bindArguments('Api.go', [list], none, new ProcessObjects())[0]).not.toBe(first);
});

test('a tool spec tells required from optional parameters', () => {
  expect(toolSpecOf('go', { description: 'Goes.', parameters: [a, optional] })).toEqual({
    name: 'go',
    description: 'Goes.',
    parameters: {
      type: 'object',
      properties: {
        a: { type: 'string', description: 'First.' },
        d: { type: 'integer', description: 'Fourth.', default: 7 },
      },
      required: ['a'],
    },
  });
});
