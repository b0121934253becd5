import { type ToolSpec, UsageError } from '@parl-mt/schema';
import {
  asciiExcept,
  beyondAscii,
  boundedText,
  bytes,
  choice,
  type Expression,
  literal,
  repeat,
  rule,
  separated,
  sequence,
  specialToken,
} from './expression.js';
import { hex, inOrder, jsonNotation, schemaExpression, type ValueNotation } from './json-schema.js';

export interface ToolCallGrammarOptions {
  /** Default 1. */
  readonly minCalls?: number;
  /** Default 16. */
  readonly maxCalls?: number;
}

/**
 * Texts of a family's tool-call format that call the given tools with arguments of their JSON Schemas: as `hermesFormat`,
 * `llamaFormat`, `xlamFormat` and `pythonFormat` read them.
 *
 * @throws {UsageError} for a schema with a keyword that cannot be kept to, naming the tool; see `schemaExpression`.
 */
export function toolCallExpression(
  format: 'hermes' | 'llama' | 'xlam' | 'python',
  tools: readonly ToolSpec[],
  { minCalls = 1, maxCalls = 16 }: ToolCallGrammarOptions = {},
): Expression {
  if (tools.length === 0) throw new UsageError('expected at least one tool to call, received none');
  if (!(minCalls >= 1 && maxCalls >= minCalls)) {
    throw new UsageError(`expected 1 <= minCalls <= maxCalls, received ${minCalls} and ${maxCalls}`);
  }
  const many = (call: Expression, separator: string) => separated(call, literal(separator), minCalls, maxCalls);
  switch (format) {
    case 'hermes':
      return many(
        sequence(
          specialToken('<tool_call>'),
          literal('\n'),
          jsonCall(tools, 'arguments'),
          literal('\n'),
          specialToken('</tool_call>'),
        ),
        '\n',
      );
    case 'llama':
      return many(jsonCall(tools, 'parameters'), '; ');
    case 'xlam':
      return sequence(literal('['), many(jsonCall(tools, 'arguments'), ', '), literal(']'));
    case 'python':
      return sequence(literal('['), many(pythonCall(tools), ', '), literal(']'));
  }
}

/** What a step of the project's own protocol may be. */
export interface CompletionGrammarOptions extends ToolCallGrammarOptions {
  /** Whether the text opens with a summary and a plan. */
  readonly awareness: boolean;
  /** Longest summary, in UTF-16 units. Default 600. */
  readonly maxSummaryCharacters?: number;
  /** Longest plan, in UTF-16 units. Default 400. */
  readonly maxPlanCharacters?: number;
  /** Longest message instead of calls, in UTF-16 units; 0 where calls must come. Default 400. */
  readonly maxMessageCharacters?: number;
}

/**
 * Completions that `parseCompletion` understands: summary and plan, then calls of the tools with arguments of their schemas, or a
 * message. The end token is a stop token, and no part of it.
 */
export function completionExpression(tools: readonly ToolSpec[], options: CompletionGrammarOptions): Expression {
  const { awareness, maxSummaryCharacters = 600, maxPlanCharacters = 400, maxMessageCharacters = 400 } = options;
  const { minCalls = 1, maxCalls = 16 } = options;
  const block = (name: string, inner: Expression): Expression =>
    sequence(specialToken(`<${name}>`), inner, specialToken(`</${name}>`));
  const calls = tools.length === 0 ? [] : [repeat(block('tool_call', pythonCall(tools)), minCalls, maxCalls)];
  const messages = maxMessageCharacters === 0 ? [] : [boundedText(maxMessageCharacters)];
  if (calls.length + messages.length === 0)
    throw new UsageError('expected tools to call, or room for a message, received neither');
  return sequence(
    ...(awareness
      ? [block('summary', boundedText(maxSummaryCharacters)), block('think', boundedText(maxPlanCharacters))]
      : []),
    choice(...calls, ...messages),
  );
}

function jsonCall(tools: readonly ToolSpec[], argumentsKey: string): Expression {
  const calls = tools.map(({ name, parameters }) =>
    sequence(
      literal(`{"name": ${JSON.stringify(name)}, ${JSON.stringify(argumentsKey)}: `),
      ofTool(name, () => schemaExpression(asObject(parameters), jsonNotation)),
      literal('}'),
    ),
  );
  return rule('call', () => choice(...calls));
}

/** `name(key='value', n=3)`: arguments in the schema's order, values as Python writes them. */
function pythonCall(tools: readonly ToolSpec[]): Expression {
  const calls = tools.map((tool) => ofTool(tool.name, () => pythonCallOf(tool)));
  return rule('call', () => choice(...calls));
}

function pythonCallOf({ name, parameters }: ToolSpec): Expression {
  if (!/^[A-Za-z_][A-Za-z0-9_.]*$/.test(name)) throw new UsageError('expected a name that Python can write');
  const schema = asObject(parameters) as { properties?: Record<string, unknown>; required?: readonly string[] };
  // Checks the keywords of the whole, whose braces are not used.
  schemaExpression(schema, pythonNotation);
  const definitions = Object.fromEntries(
    Object.entries(schema).filter(([key]) => key === '$defs' || key === 'definitions'),
  );
  const entries = Object.entries(schema.properties ?? {}).map(([key, value]) => {
    if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(key))
      throw new UsageError(`expected arguments that Python can name, received ${JSON.stringify(key)}`);
    return {
      isRequired: schema.required?.includes(key) ?? false,
      expression: sequence(
        literal(`${key}=`),
        schemaExpression({ ...definitions, ...(value as object) }, pythonNotation),
      ),
    };
  });
  return sequence(literal(`${name}(`), inOrder(entries, literal(', ')), literal(')'));
}

/** Escapes by number, of characters only. */
const numbered = rule('numbered escape', () =>
  choice(
    sequence(literal('x'), hex, hex),
    sequence(literal('u'), fourHexDigits),
    sequence(literal('U0000'), fourHexDigits),
    sequence(literal('U000'), choice(bytes(0x31, 0x39), bytes(0x61, 0x66)), hex, hex, hex, hex),
    sequence(literal('U0010'), hex, hex, hex, hex),
  ),
);
const fourHexDigits = choice(
  sequence(choice(bytes(0x30, 0x39), bytes(0x61, 0x63), bytes(0x65, 0x66)), hex, hex, hex),
  sequence(literal('d'), bytes(0x30, 0x37), hex, hex),
);

const quoted = (quote: string, min: number, max: number | undefined): Expression =>
  sequence(
    literal(quote),
    repeat(
      rule(`character between ${quote}`, () =>
        choice(
          asciiExcept(`${quote}\\`),
          beyondAscii,
          sequence(literal('\\'), choice(numbered, ...['\\', "'", '"', 'n', 'r', 't'].map(literal))),
        ),
      ),
      min,
      max,
    ),
    literal(quote),
  );

const pythonString = (min: number, max: number | undefined): Expression =>
  choice(quoted("'", min, max), quoted('"', min, max));
const anyPythonString = rule('string', () => pythonString(0, undefined));

const pythonNotation: ValueNotation = {
  string: (min, max) => (min === 0 && max === undefined ? anyPythonString : pythonString(min, max)),
  fixed: (value) => {
    if (typeof value === 'string')
      return choice(literal(pythonSpelling(value, "'")), literal(pythonSpelling(value, '"')));
    if (Array.isArray(value)) {
      return sequence(
        literal('['),
        ...value.flatMap((each, i) => [literal(i === 0 ? '' : ', '), pythonNotation.fixed(each)]),
        literal(']'),
      );
    }
    if (typeof value === 'object' && value !== null) {
      const entries = Object.entries(value).flatMap(([key, each], i) => [
        literal(i === 0 ? '' : ', '),
        pythonNotation.fixed(key),
        literal(': '),
        pythonNotation.fixed(each),
      ]);
      return sequence(literal('{'), ...entries, literal('}'));
    }
    if (value === null) return literal('None');
    return literal(value === true ? 'True' : value === false ? 'False' : String(value));
  },
  true: 'True',
  false: 'False',
  null: 'None',
};

function pythonSpelling(value: string, quote: string): string {
  const inner = value.replaceAll('\\', '\\\\').replaceAll(quote, `\\${quote}`);
  return `${quote}${inner.replaceAll('\n', '\\n').replaceAll('\r', '\\r').replaceAll('\t', '\\t')}${quote}`;
}

/** A tool without parameters has an object without properties. */
function asObject(parameters: unknown): object {
  if (typeof parameters !== 'object' || parameters === null)
    return { type: 'object', properties: {}, additionalProperties: false };
  const { type, properties } = parameters as { type?: unknown; properties?: unknown };
  const isEmpty = properties === undefined || Object.keys(properties as object).length === 0;
  if (type !== undefined && type !== 'object')
    throw new UsageError(`expected parameters of type object, received ${JSON.stringify(type)}`);
  return { ...parameters, type: 'object', ...(isEmpty && { properties: {}, additionalProperties: false }) };
}

function ofTool<T>(name: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    throw new UsageError(`tool ${name}: ${error.message}`, { cause: error });
  }
}
