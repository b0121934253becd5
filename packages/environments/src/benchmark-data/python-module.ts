import { ConfigError } from '@parl-mt/schema';
import type { Expression } from '../bfcl/python/ast.js';
import { parseExpression } from '../bfcl/python/parser.js';
import { PythonSyntaxError } from '../bfcl/python/tokenizer.js';
import { PyDict, PyTuple, type PyValue } from '../bfcl/python/value.js';

const ASSIGNMENT = /^([A-Za-z_]\w*)[ \t]*(?::[^=\n]+)?=(?!=)[ \t]*/gm;

/** Classes whose calls count as data: `Task(user_id=…)` reads as a dict of its keywords. */
export type RecordClasses = ReadonlySet<string>;

/**
 * The literals that a Python module assigns to names at its top level. Nothing is run: the text is parsed, and assignments
 * of anything but literals are left out.
 *
 * @param recordClasses - classes that may be called with keyword arguments inside the literals.
 */
export function moduleLiterals(source: string, recordClasses: RecordClasses = new Set()): Map<string, PyValue> {
  const literals = new Map<string, PyValue>();
  let end = 0;
  for (const match of source.matchAll(ASSIGNMENT)) {
    // A line inside the text that the assignment before it assigns.
    if (match.index < end) continue;
    const start = match.index + match[0].length;
    const text = expressionAt(source, start);
    end = start + text.length;
    const value = tryLiteral(text, recordClasses);
    if (value !== undefined) literals.set(match[1] as string, value);
  }
  return literals;
}

/**
 * The literal that a function or method without parameters returns, given that this is all it does.
 *
 * @throws {ConfigError} where there is no such function, or it returns anything else.
 */
export function returnedLiteral(source: string, functionName: string, where: string): PyValue {
  const definition = new RegExp(`def ${functionName}\\(\\)[^:]*:\\s*return\\b[ \\t]*`).exec(source);
  if (definition === null)
    throw new ConfigError(`${where}: expected a function ${functionName}() that returns a literal`);
  const value = tryLiteral(expressionAt(source, definition.index + definition[0].length), new Set());
  if (value === undefined) throw new ConfigError(`${where}: expected ${functionName}() to return a literal`);
  return value;
}

/** The names in a list of names, such as `ALL_TOOLS = [Calculate, Think]`. */
export function listedNames(source: string, listName: string, where: string): string[] {
  const match = new RegExp(`^${listName}[ \\t]*(?::[^=\\n]+)?=[ \\t]*`, 'm').exec(source);
  const expression = match === null ? undefined : tryParse(expressionAt(source, match.index + match[0].length));
  const names =
    expression?.kind === 'list' ? expression.items.map((item) => (item.kind === 'name' ? item.id : '')) : [];
  if (names.length === 0 || names.includes('')) throw new ConfigError(`${where}: expected ${listName} to list names`);
  return names;
}

/** The text of the expression that starts at an offset: up to the first line end outside brackets and strings. */
function expressionAt(source: string, start: number): string {
  let depth = 0;
  let at = start;
  while (at < source.length) {
    const character = source[at] as string;
    if (character === '"' || character === "'") {
      at = stringEnd(source, at);
      continue;
    }
    if (character === '#') {
      const lineEnd = source.indexOf('\n', at);
      at = lineEnd < 0 ? source.length : lineEnd;
      continue;
    }
    if ('([{'.includes(character)) depth++;
    else if (')]}'.includes(character)) depth--;
    else if (character === '\n' && depth <= 0) break;
    at++;
  }
  return source.slice(start, at);
}

/** Past a string literal; raw strings are none of a data module's business, but end at the same place. */
function stringEnd(source: string, start: number): number {
  const quote = source[start] as string;
  const triple = quote.repeat(3);
  const closing = source.startsWith(triple, start) ? triple : quote;
  let at = start + closing.length;
  while (at < source.length && !source.startsWith(closing, at)) at += source[at] === '\\' ? 2 : 1;
  return at + closing.length;
}

function tryParse(text: string): Expression | undefined {
  try {
    return parseExpression(text);
  } catch (error) {
    if (error instanceof PythonSyntaxError) return undefined;
    throw error;
  }
}

function tryLiteral(text: string, recordClasses: RecordClasses): PyValue | undefined {
  const expression = tryParse(text);
  return expression === undefined ? undefined : literalOf(expression, recordClasses);
}

/** The value of a literal; undefined where the expression is none. */
function literalOf(expression: Expression, recordClasses: RecordClasses): PyValue | undefined {
  const itemsOf = (items: readonly Expression[]): PyValue[] | undefined => {
    const values = items.map((item) => literalOf(item, recordClasses));
    return values.includes(undefined) ? undefined : (values as PyValue[]);
  };
  switch (expression.kind) {
    case 'constant':
      return expression.value;
    case 'list':
      return itemsOf(expression.items);
    case 'tuple': {
      const items = itemsOf(expression.items);
      return items === undefined ? undefined : new PyTuple(items);
    }
    case 'dict': {
      const keys = itemsOf(expression.entries.flatMap(({ key }) => (key === null ? [] : [key])));
      const values = itemsOf(expression.entries.map(({ value }) => value));
      if (keys === undefined || values === undefined || keys.length !== values.length) return undefined;
      return new PyDict(keys.map((key, index) => [key, values[index] as PyValue] as const));
    }
    case 'unary': {
      const operand = literalOf(expression.operand, recordClasses);
      const isNumber = typeof operand === 'number' || typeof operand === 'bigint';
      return expression.operator === '-' && isNumber ? -operand : undefined;
    }
    case 'call': {
      const { callee, positional, keywords } = expression;
      if (callee.kind !== 'name' || !recordClasses.has(callee.id) || positional.length > 0) return undefined;
      const values = itemsOf(keywords.map(({ value }) => value));
      if (values === undefined || keywords.some(({ name }) => name === null)) return undefined;
      return new PyDict(keywords.map(({ name }, index) => [name as string, values[index] as PyValue] as const));
    }
    default:
      return undefined;
  }
}
