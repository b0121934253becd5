import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { ChatTemplate, Exact } from '../chat-template.js';
import { readJson } from '../json-reader.js';
import { JinjaError } from './jinja-error.js';

interface Case {
  readonly template: string;
  readonly text?: string;
  readonly error?: string;
}

/** Our own templates, rendered by Python's jinja2: see the script named in the file. */
const FIXTURE = readFileSync(new URL('./fixtures/jinja2.json', import.meta.url), 'utf8');
const { now, cases } = JSON.parse(FIXTURE) as { now: string; cases: Case[] };

function fixtureVariables(): Record<string, unknown> {
  const parsed = readJson(FIXTURE, { maxLength: 1_000_000, maxDepth: 40 });
  if (!parsed.ok || parsed.value.kind !== 'map') throw new Error('expected the fixture to be a JSON object');
  const data = parsed.value.entries.get('data');
  if (data?.kind !== 'map') throw new Error('expected data in the fixture');
  return Object.fromEntries(Array.from(data.entries, ([name, value]) => [name, new Exact(value)]));
}

function render(template: string, variables: Record<string, unknown> = {}, limits = {}): string {
  return new ChatTemplate(template, { now: () => new Date(now), limits }).render({ messages: [], variables }).text;
}

describe('against jinja2', () => {
  const variables = fixtureVariables();
  it.each(cases.filter(({ error }) => error === undefined))('$template', ({ template, text }) => {
    expect(render(template, variables)).toBe(text);
  });

  it.each(cases.filter(({ error }) => error !== undefined))('fails: $template', ({ template }) => {
    expect(() => render(template, variables)).toThrow(JinjaError);
  });
});

describe('errors', () => {
  it.each([
    ['{{ 1 + }}', 'syntax', 1, 8],
    ['a\n  {{ missing.x }}', 'undefined', 2, 13],
    ["{% if true %}\n{{ raise_exception('no') }}{% endif %}", 'raised', 2, 19],
    ['{{ "a" + 1 }}', 'type', 1, 8],
    ['{{ [].append(1) }}', 'security', 1, 13],
    ['{% include "x" %}', 'unsupported', 1, 4],
  ])('%s', (template, kind, line, column) => {
    try {
      render(template);
    } catch (error) {
      expect(error).toBeInstanceOf(JinjaError);
      expect(error).toMatchObject({ kind, line, column });
      return;
    }
    expect.unreachable('expected an error');
  });

  it("keeps the template's own words", () => {
    expect(() => render('{{ raise_exception("Roles must alternate") }}')).toThrow('Roles must alternate');
  });
});

describe('limits', () => {
  it.each([
    ['a hundred million steps', '{% for a in range(10000) %}{% for b in range(10000) %}{% endfor %}{% endfor %}'],
    ['a repeated text', '{{ "abc" * 1000000000 }}'],
    ['a doubled text', `{% set x = "ab" %}${'{% set x = x ~ x %}'.repeat(40)}{{ x }}`],
    ['a doubled list', `{% set x = [1] %}${'{% set x = [x, x] %}'.repeat(60)}{{ x }}`],
    [
      'two doubled lists compared',
      `{% set x = [1] %}{% set y = [1] %}${'{% set x = [x, x] %}{% set y = [y, y] %}'.repeat(60)}{{ x == y }}`,
    ],
    ['a wide field', '{{ "%1000000000d" % 1 }}'],
    ['a wide field of format', '{{ "{:1000000000}".format(1) }}'],
    ['padding', '{{ "x".center(1000000000) }}'],
    ['indentation', '{{ [1] | tojson(indent=1000000000) }}'],
    ['a tower of powers', '{{ 9 ** (9 ** 9) }}'],
    ['endless recursion', '{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}'],
    ['a range', '{{ range(1000000000) }}'],
    ['nested parentheses', `{{ ${'('.repeat(5000)}1${')'.repeat(5000)} }}`],
    ['a chain of operators', `{{ ${'1 + '.repeat(20_000)}1 }}`],
    ['nested blocks', `${'{% if true %}'.repeat(5000)}x${'{% endif %}'.repeat(5000)}`],
    ['a chain of filters', `{{ 1${' | string'.repeat(20_000)} }}`],
    ['nested lists', `{{ ${'['.repeat(5000)}${']'.repeat(5000)} }}`],
    ['not not not', `{{ ${'not '.repeat(20_000)}1 }}`],
    ['signs', `{{ ${'-'.repeat(20_000)}1 }}`],
    ['attributes', `{{ a${'.b'.repeat(20_000)} }}`],
  ])('ends %s', (_, template) => {
    const start = performance.now();
    expect(() => render(template)).toThrow(expect.objectContaining({ kind: 'limit' }));
    expect(performance.now() - start).toBeLessThan(10_000);
  });

  it('bounds the result', () => {
    expect(() => render('{% for i in range(100) %}0123456789{% endfor %}', {}, { maxOutput: 500 })).toThrow(
      'at most 500',
    );
  });
});

describe('the sandbox', () => {
  it.each([
    '{{ x.constructor }}',
    '{{ x.prototype }}',
    '{{ x["constructor"] }}',
    '{{ x.toString }}',
    '{{ x.hasOwnProperty }}',
    '{{ "".constructor }}',
    '{{ (1).constructor }}',
    '{{ [].length }}',
    '{{ [].map }}',
    '{{ range.constructor }}',
    '{{ range.call }}',
    '{{ namespace().constructor }}',
    '{{ x.__proto__ }}',
    '{{ x["__proto__"] }}',
    '{{ constructor }}',
    '{{ globalThis }}',
    '{{ process }}',
    '{{ loop }}',
  ])('hides what JavaScript has: %s', (template) => {
    expect(render(template, { x: {} })).toBe('');
  });

  it('takes keys such as __proto__ for keys', () => {
    const parsed = JSON.parse('{"__proto__": {"polluted": 1}, "constructor": 2}') as unknown;
    expect(render('{{ x | tojson }}{{ x["constructor"] }}{{ x.polluted is defined }}', { x: parsed })).toBe(
      '{"__proto__": {"polluted": 1}, "constructor": 2}2False',
    );
  });

  it('refuses what is no data', () => {
    expect(() => render('{{ x }}', { x: () => 1 })).toThrow('received a function');
  });
});
