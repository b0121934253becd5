import {
  completionExpression,
  hermesFormat,
  llamaFormat,
  parseCompletion,
  parseToolCalls,
  pythonFormat,
  readByAutomaton,
  schemaExpression,
  toolCallExpression,
  xlamFormat,
} from '@parl-mt/chat';
import type { TokenGrammar } from '@parl-mt/native';
import type { ToolSpec } from '@parl-mt/schema';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { trainBpe } from './bpe-trainer.js';
import { GrammarCompiler } from './grammar-compiler.js';
import { Tokenizer } from './tokenizer.js';

const CORPUS = Array.from(
  { length: 60 },
  (_, i) => `{"name": "report_${i}", "tags": ["a", "b"]}, true, false, null, -1.5e3 (key='value', n=3), Zürich 👋 "}]}`,
);
const tokenizer = new Tokenizer(JSON.parse(JSON.stringify(trainBpe(CORPUS, { vocabSize: 420 }))));
const compiler = new GrammarCompiler(tokenizer, tokenizer.vocabSize + 3);

type Schema = Readonly<Record<string, unknown>>;
interface Case {
  readonly schema: Schema;
  /** Values of the schema, with properties in its order. */
  readonly value: fc.Arbitrary<unknown>;
}

const name = fc.constantFrom('id', 'name', 'a b', 'größe', 'x"y', 'tags');
const text = fc.oneof(
  fc.string({ maxLength: 8 }),
  fc.string({ unit: 'grapheme', maxLength: 6 }),
  fc.constant('"]}\\\n'),
);
const characters = (value: string): number => [...value].length;
const number = fc.oneof(
  fc.integer(),
  fc.constantFrom(0.5, -1.25e-7, 1e21, -0.1, 123456.789, -123456789012345680000, 0.0000010000000000000002),
);
/** Without numbers of 1e280 and more, which a grammar leaves out: with 21 digits before the point some would be infinite. */
const free = fc
  .jsonValue({ maxDepth: 3 })
  .map((value) => JSON.parse(JSON.stringify(value)) as unknown)
  .filter((value) => !/e\+(2[89]|30)\d/.test(JSON.stringify(value)));

const leaf: fc.Arbitrary<Case> = fc.oneof(
  fc.constantFrom<Case>(
    { schema: { type: 'string' }, value: text },
    { schema: { type: 'integer', description: 'n' }, value: fc.integer() },
    { schema: { type: 'number' }, value: number },
    { schema: { type: 'boolean' }, value: fc.boolean() },
    { schema: { type: ['string', 'null'] }, value: fc.option(text) },
    {
      schema: { enum: ['c', 'c"d', 7, null, { k: [1, 'é'] }] },
      value: fc.constantFrom('c', 'c"d', 7, null, { k: [1, 'é'] }),
    },
    { schema: { const: 'fixed' }, value: fc.constant('fixed') },
    { schema: { type: 'array' }, value: fc.array(free, { maxLength: 3 }) },
    { schema: {}, value: free },
  ),
  fc.tuple(fc.nat(3), fc.nat(3)).map(([minLength, more]): Case => {
    const maxLength = minLength + more;
    const fits = (value: string) => characters(value) >= minLength && characters(value) <= maxLength;
    return {
      schema: { type: 'string', minLength, maxLength },
      value: fc.string({ unit: 'grapheme', maxLength: 8 }).filter(fits),
    };
  }),
);
const { schemaCase } = fc.letrec<{ schemaCase: Case }>((tie) => ({
  schemaCase: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    leaf,
    fc.tuple(tie('schemaCase'), fc.nat(2), fc.nat(2)).map(
      ([inner, minItems, more]): Case => ({
        schema: { type: 'array', items: inner.schema, minItems, maxItems: minItems + more },
        value: fc.array(inner.value, { minLength: minItems, maxLength: minItems + more }),
      }),
    ),
    fc.array(tie('schemaCase'), { minLength: 1, maxLength: 3 }).map(
      (inner): Case => ({
        schema: { anyOf: inner.map(({ schema }) => schema) },
        value: fc.oneof(...inner.map(({ value }) => value)),
      }),
    ),
    fc
      .uniqueArray(fc.tuple(name, tie('schemaCase'), fc.boolean()), {
        selector: ([key]) => key,
        minLength: 1,
        maxLength: 4,
      })
      .map(
        (properties): Case => ({
          schema: {
            type: 'object',
            properties: Object.fromEntries(properties.map(([key, { schema }]) => [key, schema])),
            required: properties.filter(([, , isRequired]) => isRequired).map(([key]) => key),
          },
          value: fc
            .record(Object.fromEntries(properties.map(([key, { value }]) => [key, value])), {
              requiredKeys: properties.filter(([, , isRequired]) => isRequired).map(([key]) => key),
            })
            .map((value) =>
              Object.fromEntries(properties.flatMap(([key]) => (key in value ? [[key, value[key]]] : []))),
            ),
        }),
      ),
  ),
}));

/** Shares no code with the grammars: what the keywords mean, by JSON Schema. */
function isValid(schema: Schema, value: unknown): boolean {
  if (schema['anyOf']) return (schema['anyOf'] as Schema[]).some((each) => isValid(each, value));
  if (schema['enum'])
    return (schema['enum'] as unknown[]).some((each) => JSON.stringify(each) === JSON.stringify(value));
  if ('const' in schema) return JSON.stringify(schema['const']) === JSON.stringify(value);
  if (Array.isArray(schema['type'])) return schema['type'].some((type) => isValid({ ...schema, type }, value));
  const { minLength = 0, maxLength = Infinity, minItems = 0, maxItems = Infinity } = schema as Record<string, number>;
  switch (schema['type']) {
    case undefined:
      return true;
    case 'integer':
      return Number.isInteger(value);
    case 'null':
      return value === null;
    case 'string':
      return typeof value === 'string' && characters(value) >= minLength && characters(value) <= maxLength;
    case 'array':
      return (
        Array.isArray(value) &&
        value.length >= minItems &&
        value.length <= maxItems &&
        value.every((each) => isValid((schema['items'] ?? {}) as Schema, each))
      );
    case 'object': {
      if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
      const properties = (schema['properties'] ?? {}) as Record<string, Schema>;
      const required = (schema['required'] ?? []) as string[];
      return (
        required.every((key) => Object.hasOwn(value, key)) &&
        Object.entries(value).every(([key, each]) => isValid(properties[key] ?? {}, each))
      );
    }
    case 'number':
      return typeof value === 'number';
    default:
      return typeof value === 'boolean';
  }
}

function allowedTokens(grammar: TokenGrammar, place: number): number[] {
  const mask = grammar.mask(place);
  return Array.from({ length: grammar.vocabSize }, (_, token) => token).filter(
    (token) => (mask[token >> 5]! >>> (token & 31)) & 1,
  );
}

/** A text by chance: at first any token that is allowed; then, so that it comes to an end, the one that closes most. */
function walk(grammar: TokenGrammar, choices: readonly number[]): number[] {
  const closing = ['"', "'", ']', '}', ')', '>', '0', ':', ','].map((each) => tokenizer.encode(each)[0]!);
  const tokens: number[] = [];
  let place = grammar.start;
  for (let i = 0; ; i++) {
    const allowed = allowedTokens(grammar, place);
    const mayEnd = grammar.mayEnd(place);
    // The mask is never empty: there is a token, or the text is whole.
    expect(allowed.length > 0 || mayEnd).toBe(true);
    const drawn = choices[i];
    if (mayEnd && (allowed.length === 0 || drawn === undefined || drawn % 5 === 0)) return tokens;
    const token =
      drawn === undefined
        ? (closing.find((each) => allowed.includes(each)) ?? allowed[0]!)
        : allowed[drawn % allowed.length]!;
    tokens.push(token);
    place = grammar.advance(place, token)!;
    expect(place).toBeDefined();
    expect(tokens.length).toBeLessThan(5000);
  }
}

function accepts(grammar: TokenGrammar, tokens: readonly number[]): boolean {
  let place: number | undefined = grammar.start;
  for (const token of tokens) {
    if (!grammar.allows(place, token)) return false;
    place = grammar.advance(place, token);
    if (place === undefined) return false;
  }
  return grammar.mayEnd(place);
}

const choices = fc.array(fc.nat(1_000_000), { maxLength: 60 });

test('what a schema lets through parses and is valid, and there is always a token', () => {
  fc.assert(
    fc.property(schemaCase, choices, ({ schema }, drawn) => {
      const written = tokenizer.decode(walk(compiler.compile(schemaExpression(schema)), drawn));
      const value: unknown = JSON.parse(written);
      if (!isValid(schema, value)) throw new Error(`${written} is not valid`);
    }),
    { numRuns: 150 },
  );
}, 120_000);

test('every value of a schema is let through, as JSON.stringify and json.dumps write it and indented', () => {
  const withSpaces = (value: unknown): string =>
    JSON.stringify(value, undefined, 1)
      .replaceAll(/([[{])\n\s*/g, '$1')
      .replaceAll(/\n\s*([\]}])/g, '$1')
      .replaceAll(/,\n\s*/g, ', ');
  fc.assert(
    fc.property(
      schemaCase.chain(({ schema, value }) => fc.tuple(fc.constant(schema), value)),
      ([schema, value]) => {
        const grammar = compiler.compile(schemaExpression(schema));
        for (const written of [JSON.stringify(value), withSpaces(value), JSON.stringify(value, undefined, 2)]) {
          if (!accepts(grammar, tokenizer.encode(written))) throw new Error(`${written} is refused`);
        }
      },
    ),
    { numRuns: 150 },
  );
}, 120_000);

test('the addon reads as the plain automaton does, byte by byte, and its mask is what that lets through', () => {
  const bytes = new Map<number, number>(
    Array.from({ length: tokenizer.vocabSize }, (_, id): [number, number] => [tokenizer.tokenBytes(id)[0]!, id]).filter(
      ([, id]) => tokenizer.tokenBytes(id).length === 1,
    ),
  );
  fc.assert(
    fc.property(
      schemaCase.chain(({ schema, value }) => fc.tuple(fc.constant(schema), value)),
      fc.nat(30),
      fc.nat(255),
      ([schema, value], at, byte) => {
        const expression = schemaExpression(schema);
        const [grammar, edges] = [compiler.compile(expression), compiler.edges(expression)];
        const written = [...new TextEncoder().encode(JSON.stringify(value))];
        if (at % 3 > 0 && at < written.length) written[at] = byte;
        let place: number | undefined = grammar.start;
        let read = 0;
        for (const each of written) {
          const next = grammar.advance(place, bytes.get(each)!);
          if (next === undefined) break;
          place = next;
          read += 1;
        }
        const plain = readByAutomaton(edges, written);
        expect(read).toBe(plain.read);
        expect(read === written.length && grammar.mayEnd(place)).toBe(plain.isWhole);
        const before = written.slice(0, read);
        const mask = grammar.mask(place);
        const some = Array.from({ length: 24 }, (_, i) => (i * 17 + at) % tokenizer.vocabSize);
        for (const token of some) {
          const isSpecial = tokenizer.addedTokens.some(({ id }) => id === token);
          const spelled = isSpecial ? [0xff] : [...tokenizer.tokenBytes(token)];
          if (!isSpecial && spelled.includes(0xff)) continue;
          const isAllowed = readByAutomaton(edges, [...before, ...spelled]).read === read + spelled.length;
          expect(((mask[token >> 5]! >>> (token & 31)) & 1) === 1).toBe(isAllowed);
        }
      },
    ),
    { numRuns: 60 },
  );
}, 120_000);

const tools: ToolSpec[] = [
  {
    name: 'send_message',
    description: '',
    parameters: {
      type: 'object',
      properties: {
        to: { type: 'string' },
        body: { type: 'string' },
        urgent: { type: 'boolean' },
        tags: { type: 'array', items: { enum: ['work', "o'clock"] } },
        extra: { type: 'object' },
      },
      required: ['to'],
    },
  },
  { name: 'now', description: '', parameters: { type: 'object', properties: {} } },
  {
    name: 'add',
    description: '',
    parameters: { type: 'object', properties: { a: { type: 'number' }, b: { type: 'integer' } }, required: ['a', 'b'] },
  },
];
const argumentsOf: Readonly<Record<string, fc.Arbitrary<unknown>>> = {
  send_message: fc
    .record(
      {
        to: text,
        body: text,
        urgent: fc.boolean(),
        tags: fc.array(fc.constantFrom('work', "o'clock"), { maxLength: 2 }),
        extra: fc.dictionary(fc.constantFrom('k', 'l'), fc.boolean(), { maxKeys: 2 }),
      },
      { requiredKeys: ['to'] },
    )
    .map(
      ({ to, body, urgent, tags, extra }) => JSON.parse(JSON.stringify({ to, body, urgent, tags, extra })) as unknown,
    ),
  now: fc.constant({}),
  add: fc.record({ a: fc.integer(), b: fc.integer() }).map(({ a, b }) => ({ a, b })),
};
const calls = fc.array(
  fc
    .constantFrom(...tools)
    .chain(({ name: tool }) => argumentsOf[tool]!.map((each) => ({ name: tool, arguments: JSON.stringify(each) }))),
  { minLength: 1, maxLength: 3 },
);
const formats = [
  ['hermes', hermesFormat],
  ['llama', llamaFormat],
  ['xlam', xlamFormat],
  ['python', pythonFormat],
] as const;

test.each(formats)(
  'calls that the %s grammar lets through are read, name tools and keep to their schemas',
  (kind, format) => {
    const grammar = compiler.compile(toolCallExpression(kind, tools, { maxCalls: 3 }));
    fc.assert(
      fc.property(choices, (drawn) => {
        const written = tokenizer.decode(walk(grammar, drawn));
        const parsed = parseToolCalls(format, written);
        if (parsed.error) throw new Error(`${written}: ${parsed.error.message}`);
        if (parsed.calls.length === 0) throw new Error(`${JSON.stringify(written)} has no calls`);
        for (const call of parsed.calls) {
          const tool = tools.find(({ name: each }) => each === call.name)!;
          if (!isValid(tool.parameters, JSON.parse(call.arguments)))
            throw new Error(`${written}: ${call.arguments} is not valid`);
        }
      }),
      { numRuns: 60 },
    );
  },
  120_000,
);

test.each(formats)('calls as the %s format renders them are let through', (kind, format) => {
  const grammar = compiler.compile(toolCallExpression(kind, tools));
  fc.assert(
    fc.property(calls, (each) => {
      const rendered = format.render(each);
      const { ids } = tokenizer.tokenize(rendered);
      if (!accepts(grammar, ids)) throw new Error(`${rendered} is refused`);
    }),
    { numRuns: 100 },
  );
});

test('completions that the awareness grammar lets through are well formed', () => {
  const limits = { maxSummaryCharacters: 40, maxPlanCharacters: 30, maxCalls: 2 };
  const grammar = compiler.compile(
    completionExpression(tools, { awareness: true, ...limits, maxMessageCharacters: 20 }),
  );
  fc.assert(
    fc.property(choices, (drawn) => {
      const written = tokenizer.decode(walk(grammar, drawn));
      const parsed = parseCompletion(`${written}<|end|>`, { awareness: true, limits });
      if (parsed.formatError) throw new Error(`${written}: ${parsed.formatError}`);
    }),
    { numRuns: 60 },
  );
}, 120_000);

test('a keyword that cannot be kept to is refused by name and place', () => {
  const refused = (schema: unknown, message: RegExp) => expect(() => schemaExpression(schema)).toThrow(message);
  refused(
    { type: 'object', properties: { a: { type: 'string', pattern: 'x' } } },
    /no keyword pattern at #\/properties\/a/,
  );
  refused({ type: 'integer', minimum: 1 }, /no keyword minimum at #/);
  refused({ allOf: [] }, /no keyword allOf at #/);
  refused({ type: 'text' }, /#\/type of string, .*, received "text"/);
  refused({ $ref: '#/$defs/a' }, /\$ref to be #\/\$defs\/NAME/);
  refused({ enum: [] }, /enum to have an entry/);
  refused({ type: 'array', minItems: 3, maxItems: 1 }, /minItems to be at most maxItems 1/);
  refused({ type: 'object', properties: {}, required: ['a'] }, /required to name properties/);
  const dated: ToolSpec = {
    name: 't',
    description: '',
    parameters: { type: 'object', properties: { a: { format: 'date' } } },
  };
  for (const [kind] of formats) {
    expect(() => toolCallExpression(kind, [dated])).toThrow(/tool t: .*no keyword format at #\/properties\/a/);
  }
  expect(() => completionExpression([dated], { awareness: true })).toThrow(/tool t: .*no keyword format/);
});

test('a schema that refers to itself is kept to', () => {
  const schema = {
    $ref: '#/$defs/tree',
    $defs: {
      tree: { type: 'object', properties: { v: { type: 'integer' }, next: { $ref: '#/$defs/tree' } }, required: ['v'] },
    },
  };
  const grammar = compiler.compile(schemaExpression(schema));
  expect(accepts(grammar, tokenizer.encode('{"v": 1, "next": {"v": 2, "next": {"v": 3}}}'))).toBe(true);
  expect(accepts(grammar, tokenizer.encode('{"v": 1, "next": {"v": 2, "next": {}}}'))).toBe(false);
});
