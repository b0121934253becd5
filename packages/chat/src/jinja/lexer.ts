import { JinjaFailure } from './jinja-error.js';
import { SPACE_CLASS, stripSpace } from './python-space.js';

export type TokenType =
  | 'data'
  | 'variable_begin'
  | 'variable_end'
  | 'block_begin'
  | 'block_end'
  | 'name'
  | 'string'
  | 'integer'
  | 'float'
  | 'operator'
  | 'eof';

export interface Token {
  readonly type: TokenType;
  /** Text of data, names and strings (unescaped), the operator, or the spelling of a number without underscores. */
  readonly value: string;
  /** Offset in the normalised source, in UTF-16 units. */
  readonly at: number;
}

/** Newlines as `\n`, and without the last one, as Jinja does before anything else. */
export function normalizeSource(source: string): string {
  const lines = source.replace(/\r\n?/g, '\n');
  return lines.endsWith('\n') ? lines.slice(0, -1) : lines;
}

const RAW_BEGIN = new RegExp(`\\{%([-+]?)[${SPACE_CLASS}]*raw[${SPACE_CLASS}]*(?:-%\\}[${SPACE_CLASS}]*|%\\})`, 'y');
const RAW_END = new RegExp(
  `\\{%([-+]?)[${SPACE_CLASS}]*endraw[${SPACE_CLASS}]*(?:\\+%\\}|-%\\}[${SPACE_CLASS}]*|%\\}\\n?)`,
  'y',
);
const COMMENT_END = new RegExp(`\\+#\\}|-#\\}[${SPACE_CLASS}]*|#\\}\\n?`, 'y');
const BLOCK_END = new RegExp(`\\+%\\}|-%\\}[${SPACE_CLASS}]*|%\\}\\n?`, 'y');
const VARIABLE_END = new RegExp(`-\\}\\}[${SPACE_CLASS}]*|\\}\\}`, 'y');
const SPACES = new RegExp(`[${SPACE_CLASS}]+`, 'y');
const FLOAT = /(?:\d+_)*\d+(?:(?:\.(?:\d+_)*\d+)?e[+-]?(?:\d+_)*\d+|\.(?:\d+_)*\d+)/iy;
const INTEGER = /0b(?:_?[01])+|0o(?:_?[0-7])+|0x(?:_?[\da-f])+|[1-9](?:_?\d)*|0(?:_?0)*/iy;
const NAME = /[\p{ID_Start}_]\p{ID_Continue}*/uy;
const STRING = /'[^'\\]*(?:\\.[^'\\]*)*'|"[^"\\]*(?:\\.[^"\\]*)*"/sy;
const OPERATOR = /\/\/|\*\*|==|!=|>=|<=|[-+/*%~[\](){}><=.:|,;]/y;
const CLOSING: Readonly<Record<string, string>> = { '{': '}', '(': ')', '[': ']' };

/**
 * Tokens of a template, with `trim_blocks` and `lstrip_blocks` on, as transformers sets them.
 *
 * @param source - from {@link normalizeSource}.
 * @throws {JinjaFailure} kind syntax, with its place.
 */
export function tokenize(source: string): Token[] {
  return new Lexer(source).run();
}

class Lexer {
  private position = 0;
  /** Whether what came before the position ended a line: the end of a block swallows the newline behind it. */
  private isLineStart = true;
  private readonly tokens: Token[] = [];

  constructor(private readonly source: string) {}

  run(): Token[] {
    const { source } = this;
    while (this.position < source.length) {
      const start = this.position;
      const tag = this.nextTag(start);
      if (tag < 0) {
        this.pushData(source.slice(start), start);
        break;
      }
      const kind = source[tag + 1];
      const raw = kind === '%' ? this.peek(RAW_BEGIN, tag) : undefined;
      const sign = source[tag + 2] ?? '';
      this.pushData(this.stripBefore(source.slice(start, tag), sign, kind === '{'), start);
      if (raw !== undefined) this.readRaw(tag, raw);
      else if (kind === '#') this.readComment(tag, sign);
      else this.readExpression(tag, sign, kind === '{');
    }
    this.tokens.push({ type: 'eof', value: '', at: source.length });
    return this.tokens;
  }

  private nextTag(from: number): number {
    for (let i = this.source.indexOf('{', from); i >= 0; i = this.source.indexOf('{', i + 1)) {
      const next = this.source[i + 1];
      if (next === '{' || next === '%' || next === '#') return i;
    }
    return -1;
  }

  private stripBefore(text: string, sign: string, isVariable: boolean): string {
    if (sign === '-') return stripSpace(text, 'right');
    if (sign === '+' || isVariable) return text;
    const lineStart = text.lastIndexOf('\n') + 1;
    const isAtLine = lineStart > 0 || this.isLineStart;
    return isAtLine && stripSpace(text.slice(lineStart)) === '' ? text.slice(0, lineStart) : text;
  }

  private pushData(value: string, at: number): void {
    if (value !== '') this.tokens.push({ type: 'data', value, at });
  }

  private readRaw(tag: number, opening: string): void {
    const start = tag + opening.length;
    this.isLineStart = opening.endsWith('\n');
    for (let i = this.source.indexOf('{%', start); i >= 0; i = this.source.indexOf('{%', i + 1)) {
      const closing = this.peek(RAW_END, i);
      if (closing === undefined) continue;
      this.pushData(this.stripBefore(this.source.slice(start, i), this.source[i + 2] ?? '', false), start);
      this.moveTo(i + closing.length);
      return;
    }
    throw new JinjaFailure('syntax', 'expected {% endraw %}, received the end of the template', tag);
  }

  private readComment(tag: number, sign: string): void {
    // The sign belongs to the opening: `{#-#}` is a comment that is not closed by its own hyphen.
    const start = tag + (sign === '-' || sign === '+' ? 3 : 2);
    for (let i = this.source.indexOf('#}', start); i >= 0; i = this.source.indexOf('#}', i + 1)) {
      const before = this.source[i - 1];
      const from = i > start && (before === '-' || before === '+') ? i - 1 : i;
      const closing = this.peek(COMMENT_END, from);
      if (closing === undefined) continue;
      this.moveTo(from + closing.length);
      return;
    }
    throw new JinjaFailure('syntax', 'expected #} to close the comment, received the end of the template', tag);
  }

  private readExpression(tag: number, sign: string, isVariable: boolean): void {
    const { source, tokens } = this;
    const name = isVariable ? 'variable' : 'block';
    tokens.push({ type: `${name}_begin`, value: source.slice(tag, tag + 2), at: tag });
    this.position = tag + (sign === '-' || sign === '+' ? 3 : 2);
    const end = isVariable ? VARIABLE_END : BLOCK_END;
    const open: string[] = [];
    for (;;) {
      const at = this.position;
      if (at >= source.length) {
        throw new JinjaFailure('syntax', `expected ${isVariable ? '}}' : '%}'}, received the end of the template`, tag);
      }
      if (open.length === 0) {
        const closing = this.peek(end, at);
        if (closing !== undefined) {
          tokens.push({ type: `${name}_end`, value: closing, at });
          this.moveTo(at + closing.length);
          return;
        }
      }
      if (this.peek(SPACES, at) !== undefined) {
        this.position = SPACES.lastIndex;
        continue;
      }
      tokens.push(this.readToken(at, open));
    }
  }

  private readToken(at: number, open: string[]): Token {
    const float = this.source[at - 1] === '.' ? undefined : this.take(FLOAT, at);
    if (float !== undefined) return { type: 'float', value: float.replaceAll('_', ''), at };
    const integer = this.take(INTEGER, at);
    if (integer !== undefined) return { type: 'integer', value: integer.replaceAll('_', ''), at };
    const name = this.take(NAME, at);
    if (name !== undefined) return { type: 'name', value: name, at };
    const literal = this.take(STRING, at);
    if (literal !== undefined) return { type: 'string', value: unescapeString(literal.slice(1, -1), at), at };
    const operator = this.take(OPERATOR, at);
    if (operator === undefined) {
      const found = String.fromCodePoint(this.source.codePointAt(at)!);
      throw new JinjaFailure('syntax', `expected an expression, received ${JSON.stringify(found)}`, at);
    }
    if (operator in CLOSING) open.push(CLOSING[operator]!);
    else if (operator === '}' || operator === ')' || operator === ']') {
      const expected = open.pop();
      if (expected !== operator) {
        throw new JinjaFailure('syntax', `expected ${expected ?? 'no closing bracket'}, received ${operator}`, at);
      }
    }
    return { type: 'operator', value: operator, at };
  }

  private peek(pattern: RegExp, at: number): string | undefined {
    pattern.lastIndex = at;
    return pattern.exec(this.source)?.[0];
  }

  private take(pattern: RegExp, at: number): string | undefined {
    const found = this.peek(pattern, at);
    if (found !== undefined) this.position = at + found.length;
    return found;
  }

  private moveTo(position: number): void {
    this.position = position;
    this.isLineStart = this.source[position - 1] === '\n';
  }
}

const SHORT_ESCAPES: Readonly<Record<string, string>> = {
  '\\': '\\',
  "'": "'",
  '"': '"',
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
  '\n': '',
};
const ESCAPE = /\\(?:x([\da-fA-F]{0,2})|u([\da-fA-F]{0,4})|U([\da-fA-F]{0,8})|([0-7]{1,3})|(.))/gs;
const HEX_DIGITS = [2, 4, 8];

/** Python's escapes; one that it does not know keeps its backslash. */
function unescapeString(body: string, at: number): string {
  if (!body.includes('\\')) return body;
  return body.replace(ESCAPE, (whole, x?: string, u?: string, long?: string, octal?: string, short?: string) => {
    if (octal !== undefined) return String.fromCharCode(Number.parseInt(octal, 8));
    if (short !== undefined) {
      if (short === 'N') throw new JinjaFailure('unsupported', 'expected no \\N{name} escape: names are not known', at);
      return SHORT_ESCAPES[short] ?? whole;
    }
    const index = x !== undefined ? 0 : u !== undefined ? 1 : 2;
    const digits = x ?? u ?? long ?? '';
    const code = Number.parseInt(digits, 16);
    if (digits.length < HEX_DIGITS[index]! || code > 0x10ffff) {
      throw new JinjaFailure('syntax', `expected a complete escape in the string, received ${whole}`, at);
    }
    return String.fromCodePoint(code);
  });
}
