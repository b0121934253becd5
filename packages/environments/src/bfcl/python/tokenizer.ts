import { PYTHON_SPACE } from './text.js';

/** Text that is not a Python expression. The message follows CPython's where that is cheap. */
export class PythonSyntaxError extends Error {
  constructor(message: string) {
    super(`${message} (<string>, line 1)`);
    this.name = 'PythonSyntaxError';
  }
}

export type Token =
  | { readonly kind: 'name' | 'operator' | 'end'; readonly text: string }
  | { readonly kind: 'number'; readonly text: string }
  | { readonly kind: 'string'; readonly text: string; readonly prefix: string; readonly quote: string };

/** CPython's tokenizer gives up at this many open brackets. */
const MAX_BRACKETS = 200;
/** Longer texts are refused: no benchmark call comes near, and every pass over the text is linear. */
const MAX_LENGTH = 1_000_000;

const SKIPPED = /(?:[ \t\f]+|\\\r?\n|#[^\n\r]*)*/y;
const NAME = /[\p{L}\p{Nl}_][\p{L}\p{Nl}\p{Mn}\p{Mc}\p{Nd}\p{Pc}]*/uy;
const NUMBER =
  /(?:0[xX](?:_?[0-9a-fA-F])+|0[oO](?:_?[0-7])+|0[bB](?:_?[01])+|(?:(?:\d(?:_?\d)*)?\.\d(?:_?\d)*|\d(?:_?\d)*\.?)(?:[eE][-+]?\d(?:_?\d)*)?[jJ]?)/y;
const OPERATOR = /\*\*|\/\/|<<|>>|<=|>=|==|!=|->|:=|[-+*/%@&|^~<>()[\]{},:.=;!]/y;
const STRING_START = /([rRbBuUfF]{0,2})('''|"""|'|")/y;
const VALID_PREFIXES: ReadonlySet<string> = new Set(['', 'r', 'b', 'u', 'f', 'br', 'rb', 'fr', 'rf']);
const CLOSERS: ReadonlyMap<string, string> = new Map([
  ['(', ')'],
  ['[', ']'],
  ['{', '}'],
]);

/**
 * The text of the last token, of kind "end", is the innermost bracket left open: an error only where the parser gets there.
 *
 * @throws {PythonSyntaxError} for unknown characters, unterminated strings and brackets closed wrongly.
 */
export function tokenize(text: string): Token[] {
  if (text.length > MAX_LENGTH) throw new PythonSyntaxError(`expression longer than ${MAX_LENGTH} characters`);
  if (text.includes('\0')) throw new PythonSyntaxError('source code string cannot contain null bytes');
  const tokens: Token[] = [];
  const open: string[] = [];
  let position = 0;

  const match = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = position;
    const found = pattern.exec(text);
    if (found !== null) position = pattern.lastIndex;
    return found;
  };

  while (true) {
    match(SKIPPED);
    const character = text[position];
    if (character === undefined) break;
    if (character === '\n' || character === '\r') {
      position++;
      // Line ends count only outside brackets; blank lines around the expression do not.
      if (open.length === 0 && tokens.length > 0) tokens.push({ kind: 'operator', text: '\n' });
      continue;
    }
    const start = match(STRING_START);
    if (start !== null) {
      const prefix = (start[1] as string).toLowerCase();
      const quote = start[2] as string;
      if (!VALID_PREFIXES.has(prefix)) throw new PythonSyntaxError('invalid syntax');
      const end = stringEnd(text, position, quote);
      tokens.push({ kind: 'string', text: text.slice(position, end), prefix, quote });
      position = end + quote.length;
      continue;
    }
    const name = match(NAME);
    if (name !== null) {
      tokens.push({ kind: 'name', text: name[0].normalize('NFKC') });
      continue;
    }
    const number = match(NUMBER);
    if (number !== null) {
      checkNumberEnd(number[0], text.slice(position));
      tokens.push({ kind: 'number', text: number[0] });
      continue;
    }
    const operator = match(OPERATOR);
    if (operator === null) throw unknownCharacter(text, position);
    trackBracket(operator[0], open);
    tokens.push({ kind: 'operator', text: operator[0] });
  }
  while (tokens.at(-1)?.text === '\n' && tokens.at(-1)?.kind === 'operator') tokens.pop();
  tokens.push({ kind: 'end', text: open.at(-1) ?? '' });
  return tokens;
}

function trackBracket(operator: string, open: string[]): void {
  if (CLOSERS.has(operator)) {
    if (open.length >= MAX_BRACKETS) throw new PythonSyntaxError('too many nested parentheses');
    open.push(operator);
  } else if (operator === ')' || operator === ']' || operator === '}') {
    const opener = open.pop();
    if (opener === undefined) throw new PythonSyntaxError(`unmatched '${operator}'`);
    if (CLOSERS.get(opener) !== operator) {
      throw new PythonSyntaxError(`closing parenthesis '${operator}' does not match opening parenthesis '${opener}'`);
    }
  }
}

/** Index of the closing quote. */
function stringEnd(text: string, start: number, quote: string): number {
  for (let index = start; index < text.length; index++) {
    const character = text[index];
    if (character === '\\') index++;
    else if (quote.length === 1 && (character === '\n' || character === '\r')) break;
    else if (character === quote[0] && text.startsWith(quote, index)) return index;
  }
  throw new PythonSyntaxError(
    quote.length === 1
      ? 'unterminated string literal (detected at line 1)'
      : 'unterminated triple-quoted string literal (detected at line 1)',
  );
}

function checkNumberEnd(number: string, rest: string): void {
  const isOctalLooking = /^0[0-9_]*[1-9]/.test(number) && /^[0-9_]+$/.test(number);
  if (isOctalLooking) {
    throw new PythonSyntaxError(
      'leading zeros in decimal integer literals are not permitted; use an 0o prefix for octal integers',
    );
  }
  if (/^[\p{L}\p{N}_]/u.test(rest) && !/^(?:and|else|for|if|in|is|not|or)\b/.test(rest)) {
    const radix = /^0[xX]$/.test(number + rest[0])
      ? 'hexadecimal'
      : /^0[oO]$/.test(number + rest[0])
        ? 'octal'
        : 'decimal';
    throw new PythonSyntaxError(`invalid ${/^0[bB]$/.test(number + rest[0]) ? 'binary' : radix} literal`);
  }
}

function unknownCharacter(text: string, position: number): PythonSyntaxError {
  const character = String.fromCodePoint(text.codePointAt(position) as number);
  const code = (character.codePointAt(0) as number).toString(16).toUpperCase().padStart(4, '0');
  if (character === '\\') return new PythonSyntaxError('unexpected character after line continuation character');
  if (character === '$' || character === '?' || character === '`') return new PythonSyntaxError('invalid syntax');
  if (new RegExp(`[${PYTHON_SPACE}\\p{C}]`, 'u').test(character)) {
    return new PythonSyntaxError(`invalid non-printable character U+${code}`);
  }
  return new PythonSyntaxError(`invalid character '${character}' (U+${code})`);
}
