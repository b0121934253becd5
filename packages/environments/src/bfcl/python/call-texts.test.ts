import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { InstanceSet } from '../instance-set.js';
import { ProcessObjects } from '../process-objects.js';
import { PyDict } from './value.js';

/** Made by tools/conformance/export_call_text_fixture.py. */
const records = JSON.parse(readFileSync(new URL('./fixtures/call-texts-3.11.json', import.meta.url), 'utf8')) as [
  string,
  string,
][];

const executor = new InstanceSet({
  classes: [],
  config: new PyDict(),
  namePrefix: 'test',
  context: { longContext: undefined, process: new ProcessObjects(), today: () => ({ year: 2025, month: 1, day: 1 }) },
});

test('formatting, methods, builtins and lambdas give the text, or the exception text, of CPython 3.11', () => {
  expect(records.length).toBeGreaterThan(500);
  const mismatches = records.flatMap(([text, expected]) => {
    const actual = executor.execute(text).text;
    return actual === expected ? [] : [`${text}: expected ${expected}, received ${actual}`];
  });
  expect(mismatches).toEqual([]);
});

test.each([
  ['calls itself without end', '(lambda f: f(f))(lambda f: f(f))'],
  ['branches without end', '(lambda f: f(f) + f(f))(lambda f: f(f) + f(f))'],
  ['works on long texts again and again', "[('a' * 500000).upper() for x in range(100000)]"],
  ['fills absurd widths', "'%*d' % (10 ** 9, 1)"],
  ['asks for absurd precision', "'{:.999999999f}'.format(0.1)"],
  ['ranges without end', 'list(range(10 ** 30))'],
  ['doubles by replacing', "'a'.replace('a', 'b' * 400000).replace('b', 'c' * 400000)"],
  ['reads attributes that lead out', "''.__class__.__mro__[1].__subclasses__()"],
  ['formats attributes that lead out', "'{0.__class__.__init__.__globals__}'.format(1)"],
])('what %s ends as an error of the call', (_, text) => {
  const started = process.cpuUsage();
  const { isError, isInternal } = executor.execute(text);
  expect({ isError, isInternal }).toEqual({ isError: true, isInternal: undefined });
  const { user } = process.cpuUsage(started);
  expect(user).toBeLessThan(3e6);
});

test('methods change the live object, and only that', () => {
  expect(executor.execute('(lambda a: (a.append(4), a.sort(reverse=True), a))([3, 1])').text).toBe(
    '(None, None, [4, 3, 1])',
  );
  expect(executor.execute("(lambda d: [d.pop('x'), d.setdefault('y', 2), d])({'x': 1})").text).toBe("[1, 2, {'y': 2}]");
});
