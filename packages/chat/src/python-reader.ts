import {
  type LiteralValue,
  MAX_LITERAL_DEPTH,
  MAX_LITERAL_LENGTH,
  ReadFailure,
  type TextError,
} from './literal-value.js';

/** Reads one Python literal, such as the repr of a list. Same limits as call texts; never throws. */
export function readPythonLiteral(
  source: string,
): { readonly ok: true; readonly value: LiteralValue } | { readonly ok: false; readonly error: TextError } {
  try {
    if (source.length > MAX_LITERAL_LENGTH) {
      throw new ReadFailure(`expected at most ${MAX_LITERAL_LENGTH} characters, received ${source.length}`, 0);
    }
    const reader = new PythonReader(source);
    const value = reader.readValue(0);
    reader.skipSpace();
    if (reader.position < source.length) {
      throw reader.failure('expected the end of the literal');
    }
    return { ok: true, value };
  } catch (error) {
    if (error instanceof ReadFailure) {
      return { ok: false, error: { message: error.message, position: error.position } };
    }
    throw error;
  }
}

const SPACE = /[ \t\n\r\f]*/y;
const NAME = /[\p{L}_][\p{L}\p{N}_]*(?:[.-][\p{L}\p{N}_]+)*/uy;
const NUMBER =
  /(?:0[xX](?:_?[0-9a-fA-F])+|0[oO](?:_?[0-7])+|0[bB](?:_?[01])+)|(?:(?:\d(?:_?\d)*)?\.\d(?:_?\d)*|\d(?:_?\d)*\.?)(?:[eE][+-]?\d(?:_?\d)*)?/y;
const STRING_START = /([rRuU]?)('''|"""|'|")/y;
const WORD_AFTER_NUMBER = /[\p{L}\p{N}_]/uy;

/** One pass over Python source: literals and the pieces of a call. Every method throws {@link ReadFailure}. */
export class PythonReader {
  position = 0;

  constructor(readonly source: string) {}

  /** A name; letters, digits and underscores, with `.` or `-` inside for the names that MCP servers use. */
  readName(what: string): string {
    this.skipSpace();
    const name = this.match(NAME);
    if (name === undefined) {
      throw this.failure(`expected ${what}`);
    }
    return name;
  }

  readValue(depth: number): LiteralValue {
    if (depth > MAX_LITERAL_DEPTH) {
      throw this.failure(`expected at most ${MAX_LITERAL_DEPTH} levels of nesting`);
    }
    this.skipSpace();
    if (this.peeks(STRING_START)) {
      return { kind: 'string', value: this.readStrings() };
    }
    switch (this.source[this.position]) {
      case '[':
        return this.readSequence('[', ']', depth);
      case '(':
        return this.readParenthesis(depth);
      case '{':
        return this.readMap(depth);
      default:
        return this.readScalar();
    }
  }

  readMap(depth: number): LiteralValue & { kind: 'map' } {
    const entries = new Map<string, LiteralValue>();
    this.expect('{');
    while (!this.take('}')) {
      this.skipSpace();
      if (!this.peeks(STRING_START)) {
        throw this.failure('expected a string as dict key');
      }
      const key = this.readStrings();
      this.expect(':');
      entries.set(key, this.readValue(depth + 1));
      this.expectSeparator('}');
    }
    return { kind: 'map', entries };
  }

  /** After an item: a comma, or the closing bracket left for the caller. */
  expectSeparator(closing: string): void {
    if (!this.take(',') && !this.sees(closing)) {
      throw this.failure(`expected "," or "${closing}"`);
    }
  }

  expect(piece: string): void {
    if (!this.take(piece)) {
      throw this.failure(`expected "${piece}"`);
    }
  }

  take(piece: string): boolean {
    if (!this.sees(piece)) {
      return false;
    }
    this.position += piece.length;
    return true;
  }

  sees(piece: string): boolean {
    this.skipSpace();
    return this.source.startsWith(piece, this.position);
  }

  skipSpace(): void {
    this.match(SPACE);
  }

  failure(message: string): ReadFailure {
    const found = [...this.source.slice(this.position, this.position + 24)].slice(0, 12).join('');
    return new ReadFailure(
      `${message}, received ${found === '' ? 'the end of the text' : JSON.stringify(found)}`,
      this.position,
    );
  }

  private readScalar(): LiteralValue {
    const start = this.position;
    const sign = this.match(/[+-]\s*/y)?.[0] ?? '';
    const number = this.match(NUMBER);
    if (number !== undefined) {
      if (this.peeks(WORD_AFTER_NUMBER) || /^0[0-9_]*[1-9]/.test(number.replace(/[.eE].*/, ''))) {
        this.position = start;
        throw this.failure('expected a decimal number');
      }
      return { kind: 'number', text: (sign === '-' ? '-' : '') + normalizeNumber(number) };
    }
    if (sign === '') {
      const name = this.match(NAME);
      const value = name === undefined ? undefined : CONSTANTS.get(name);
      if (value !== undefined) {
        return value;
      }
    }
    this.position = start;
    throw this.failure('expected a literal (string, number, True, False, None, list, tuple or dict)');
  }

  private readSequence(opening: string, closing: string, depth: number): LiteralValue {
    const items: LiteralValue[] = [];
    this.expect(opening);
    while (!this.take(closing)) {
      items.push(this.readValue(depth + 1));
      this.expectSeparator(closing);
    }
    return { kind: 'list', items };
  }

  /** `(1, 2)`, `(1,)` and `()` are tuples, `(1)` is just 1. */
  private readParenthesis(depth: number): LiteralValue {
    const items: LiteralValue[] = [];
    let hasComma = false;
    this.expect('(');
    while (!this.take(')')) {
      items.push(this.readValue(depth + 1));
      if (this.take(',')) {
        hasComma = true;
      } else if (!this.sees(')')) {
        throw this.failure('expected "," or ")"');
      }
    }
    const only = items[0];
    return items.length === 1 && only !== undefined && !hasComma ? only : { kind: 'list', items };
  }

  /** One string literal or several side by side, which Python joins. */
  private readStrings(): string {
    let value = '';
    while (this.peeks(STRING_START)) {
      value += this.readString();
      this.skipSpace();
    }
    return value;
  }

  private readString(): string {
    const start = this.position;
    const opening = this.match(STRING_START) ?? '';
    const isRaw = /^r/i.test(opening);
    const quote = opening.replace(/^[a-z]/i, '');
    let value = '';
    while (!this.source.startsWith(quote, this.position)) {
      const character = this.source[this.position];
      if (character === undefined || (character === '\n' && quote.length === 1)) {
        this.position = start;
        throw this.failure(`expected a string closed by ${quote}`);
      }
      if (character !== '\\') {
        value += character;
        this.position += 1;
      } else if (isRaw) {
        value += this.source.slice(this.position, this.position + 2);
        this.position += 2;
      } else {
        value += this.readEscape();
      }
    }
    this.position += quote.length;
    return value;
  }

  private readEscape(): string {
    const start = this.position;
    const kind = this.source[start + 1] ?? '';
    const simple = ESCAPES.get(kind);
    if (simple !== undefined) {
      this.position += 2;
      return simple;
    }
    const code = this.match(/\\(?:x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|[0-7]{1,3})/y);
    if (code !== undefined) {
      const digits = code.slice(/[xuU]/.test(kind) ? 2 : 1);
      const codePoint = Number.parseInt(digits, /[xuU]/.test(kind) ? 16 : 8);
      if (codePoint > 0x10ffff) {
        this.position = start;
        throw this.failure('expected a code point up to 10ffff');
      }
      return String.fromCodePoint(codePoint);
    }
    if (/[xuUN]/.test(kind)) {
      throw this.failure(`expected a complete \\x, \\u or \\U escape`);
    }
    // Python keeps the backslash of an escape that it does not know.
    this.position += 1;
    return '\\';
  }

  private peeks(pattern: RegExp): boolean {
    pattern.lastIndex = this.position;
    return pattern.test(this.source);
  }

  private match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.position;
    const found = pattern.exec(this.source)?.[0];
    this.position += found?.length ?? 0;
    return found;
  }
}

const CONSTANTS: ReadonlyMap<string, LiteralValue> = new Map<string, LiteralValue>([
  ['True', { kind: 'boolean', value: true }],
  ['False', { kind: 'boolean', value: false }],
  ['None', { kind: 'null' }],
]);

const ESCAPES: ReadonlyMap<string, string> = new Map([
  ['\\', '\\'],
  ["'", "'"],
  ['"', '"'],
  ['n', '\n'],
  ['r', '\r'],
  ['t', '\t'],
  ['b', '\b'],
  ['f', '\f'],
  ['v', '\v'],
  ['a', '\u0007'],
  ['\n', ''],
]);

/** Spells a Python number so that JSON accepts it too and its kind (int or float) stays: `5.` is `5.0`, `0x10` is `16`. */
function normalizeNumber(spelling: string): string {
  const plain = spelling.replaceAll('_', '');
  if (/^0[xXoObB]/.test(plain)) {
    return BigInt(plain).toString();
  }
  const [, whole = '', fraction, exponent = ''] = /^(\d*)(\.\d*)?(.*)$/.exec(plain) ?? [];
  const digits = whole.replace(/^0+(?=\d)/, '') || '0';
  return digits + (fraction === undefined ? '' : fraction === '.' ? '.0' : fraction) + exponent;
}
