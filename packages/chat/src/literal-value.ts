/**
 * A literal that Python and JSON can both write. Numbers keep their spelling: `5` and `5.0` are different values to a
 * tool, and an integer of thirty digits must survive.
 */
export type LiteralValue =
  | { readonly kind: 'null' }
  | { readonly kind: 'boolean'; readonly value: boolean }
  | { readonly kind: 'number'; readonly text: string }
  | { readonly kind: 'string'; readonly value: string }
  | { readonly kind: 'list'; readonly items: readonly LiteralValue[] }
  | { readonly kind: 'map'; readonly entries: ReadonlyMap<string, LiteralValue> };

/** Text that could not be read: what was expected, and the offset in UTF-16 units. */
export interface TextError {
  readonly message: string;
  readonly position: number;
}

/** Thrown inside the readers of this package and turned into a {@link TextError} at their edge. */
export class ReadFailure extends Error {
  readonly position: number;

  constructor(message: string, position: number) {
    super(message);
    this.position = position;
  }
}

/** Deepest nesting that is read. */
export const MAX_LITERAL_DEPTH = 32;
/** Longest text that is read, in UTF-16 units. */
export const MAX_LITERAL_LENGTH = 65_536;

/** JSON text, separators as Python's json.dumps writes them. */
export function writeJson(value: LiteralValue): string {
  switch (value.kind) {
    case 'null':
      return 'null';
    case 'boolean':
      return String(value.value);
    case 'number':
      return value.text;
    case 'string':
      return JSON.stringify(value.value);
    case 'list':
      return `[${value.items.map(writeJson).join(', ')}]`;
    case 'map':
      return `{${[...value.entries].map(([key, entry]) => `${JSON.stringify(key)}: ${writeJson(entry)}`).join(', ')}}`;
  }
}

/** Python's repr of the value; dicts keep insertion order. */
export function writePython(value: LiteralValue): string {
  switch (value.kind) {
    case 'null':
      return 'None';
    case 'boolean':
      return value.value ? 'True' : 'False';
    case 'number':
      return value.text;
    case 'string':
      return writePythonString(value.value);
    case 'list':
      return `[${value.items.map(writePython).join(', ')}]`;
    case 'map':
      return `{${[...value.entries].map(([key, entry]) => `${writePythonString(key)}: ${writePython(entry)}`).join(', ')}}`;
  }
}

/** Reads any value that JSON.parse could have returned; undefined and functions become null. */
export function literalFromUnknown(value: unknown, depth = 0): LiteralValue {
  if (depth > MAX_LITERAL_DEPTH) {
    return { kind: 'null' };
  }
  if (typeof value === 'boolean') {
    return { kind: 'boolean', value };
  }
  if (typeof value === 'number') {
    return Number.isFinite(value) ? { kind: 'number', text: String(value) } : { kind: 'null' };
  }
  if (typeof value === 'string') {
    return { kind: 'string', value };
  }
  if (Array.isArray(value)) {
    return { kind: 'list', items: value.map((item) => literalFromUnknown(item, depth + 1)) };
  }
  if (typeof value === 'object' && value !== null) {
    return {
      kind: 'map',
      entries: new Map(Object.entries(value).map(([key, entry]) => [key, literalFromUnknown(entry, depth + 1)])),
    };
  }
  return { kind: 'null' };
}

/** Python's `repr(str)`: single quotes unless the text has one and no double quote; non-printables escaped. */
export function writePythonString(value: string): string {
  const quote = value.includes("'") && !value.includes('"') ? '"' : "'";
  let body = '';
  for (const character of value) {
    body += escapeCharacter(character, quote);
  }
  return `${quote}${body}${quote}`;
}

const SHORT_ESCAPES: Readonly<Record<string, string>> = { '\\': '\\\\', '\n': '\\n', '\r': '\\r', '\t': '\\t' };

function escapeCharacter(character: string, quote: string): string {
  if (character === quote) {
    return `\\${character}`;
  }
  const short = SHORT_ESCAPES[character];
  if (short !== undefined) {
    return short;
  }
  if (character === ' ' || !/^[\p{C}\p{Z}]$/u.test(character)) {
    return character;
  }
  const code = character.codePointAt(0) ?? 0;
  if (code <= 0xff) {
    return `\\x${code.toString(16).padStart(2, '0')}`;
  }
  return code <= 0xffff ? `\\u${code.toString(16).padStart(4, '0')}` : `\\U${code.toString(16).padStart(8, '0')}`;
}
