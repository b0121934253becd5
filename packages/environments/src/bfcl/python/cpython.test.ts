import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { InstanceSet } from '../instance-set.js';
import { ProcessObjects } from '../process-objects.js';
import { apiClass } from '../registry.js';
import { PyDict } from './value.js';

/** Made by tools/conformance/export_cpython_fixture.py. */
const records = JSON.parse(readFileSync(new URL('./fixtures/cpython-3.11.json', import.meta.url), 'utf8')) as [
  string,
  string | [string, string, number] | [string, number],
  string,
][];

const api = apiClass('MathAPI');
const math = new InstanceSet({
  classes: api === undefined ? [] : [api],
  config: new PyDict(),
  namePrefix: 'test',
  context: { longContext: undefined, process: new ProcessObjects(), today: () => ({ year: 2025, month: 1, day: 1 }) },
});

function mismatches(kind: string, run: (input: never) => string): string[] {
  const chosen = records.filter(([recordKind]) => recordKind === kind);
  expect(chosen.length).toBeGreaterThan(100);
  return chosen.flatMap(([, input, expected]) => {
    const actual = run(input as never);
    return actual === expected ? [] : [`${JSON.stringify(input)}: expected ${expected}, received ${actual}`];
  });
}

test('random expressions give the text, or the exception text, of CPython 3.11', () => {
  expect(mismatches('expression', (source: string) => math.execute(source).text)).toEqual([]);
});

test('logarithms print the digits of mpmath 1.3.0', () => {
  const run = ([value, base, digits]: [string, string, number]) => {
    const { text, isError } = math.execute(`logarithm(${value}, ${base}, ${digits})`);
    return isError ? (JSON.parse(text) as { error: string }).error : text;
  };
  expect(mismatches('logarithm', run)).toEqual([]);
});

test('square roots print the digits of the decimal module', () => {
  const run = ([value, precision]: [string, number]) => math.execute(`square_root(${value}, ${precision})`).text;
  expect(mismatches('square_root', run)).toEqual([]);
});
