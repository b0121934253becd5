import { PyComplex } from './complex.js';
import { PythonSyntaxError } from './tokenizer.js';
import type { PyValue } from './value.js';

const MAX_INT_DIGITS = 4300;

/** @throws {PythonSyntaxError} for ints beyond 4300 decimal digits. */
export function parseNumber(literal: string): PyValue {
  const text = literal.replaceAll('_', '');
  if (/^0[xXoObB]/.test(text)) return BigInt(text.toLowerCase());
  if (/[jJ]$/.test(text)) return new PyComplex(0, Number(text.slice(0, -1)));
  if (/[.eE]/.test(text)) return Number(text);
  if (text.length > MAX_INT_DIGITS) {
    throw new PythonSyntaxError(
      `Exceeds the limit (${MAX_INT_DIGITS} digits) for integer string conversion: value has ${text.length} digits; use sys.set_int_max_str_digits() to increase the limit - Consider hexadecimal for huge integer literals to avoid decimal conversion limits.`,
    );
  }
  return BigInt(text);
}

const ESCAPE = /\\(?:\n|[0-7]{1,3}|x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|[\s\S])/g;

const SIMPLE_ESCAPES: ReadonlyMap<string, string> = new Map([
  ['\n', ''],
  ['\\', '\\'],
  ["'", "'"],
  ['"', '"'],
  ['a', '\x07'],
  ['b', '\b'],
  ['f', '\f'],
  ['n', '\n'],
  ['r', '\r'],
  ['t', '\t'],
  ['v', '\v'],
]);

/**
 * The text between the quotes as the value it stands for; for bytes one UTF-16 unit per byte.
 *
 * @param prefix - lower case: "", "r", "b", "br", "rb", "u", "f", "fr", "rf".
 * @throws {PythonSyntaxError} for malformed escapes, and non-ASCII characters in bytes.
 */
export function parseStringBody(body: string, prefix: string): string {
  const text = body.replace(/\r\n?/g, '\n');
  const isBytes = prefix.includes('b');
  // biome-ignore lint/suspicious/noControlCharactersInRegex: bytes literals hold ASCII only, NUL to DEL
  if (isBytes && /[^\x00-\x7f]/.test(text)) {
    throw new PythonSyntaxError('bytes can only contain ASCII literal characters');
  }
  if (prefix.includes('r') || !text.includes('\\')) return text;
  return text.replace(ESCAPE, (sequence) => decodeEscape(sequence, isBytes));
}

function decodeEscape(sequence: string, isBytes: boolean): string {
  const letter = sequence[1] as string;
  const simple = SIMPLE_ESCAPES.get(letter);
  if (simple !== undefined) return simple;
  if (letter >= '0' && letter <= '7') {
    const code = Number.parseInt(sequence.slice(1), 8);
    return String.fromCharCode(isBytes ? code & 0xff : code);
  }
  if (letter === 'x') {
    if (sequence.length === 4) return String.fromCharCode(Number.parseInt(sequence.slice(2), 16));
    throw new PythonSyntaxError(
      isBytes
        ? '(value error) invalid \\x escape at position 0'
        : "(unicode error) 'unicodeescape' codec can't decode bytes in position 0-1: truncated \\xXX escape",
    );
  }
  if (isBytes) return sequence;
  if (letter === 'u' || letter === 'U') {
    const code = Number.parseInt(sequence.slice(2), 16);
    if (sequence.length > 2 && code <= 0x10ffff) return String.fromCodePoint(code);
    throw new PythonSyntaxError(
      `(unicode error) 'unicodeescape' codec can't decode bytes in position 0-1: truncated \\${letter === 'u' ? 'uXXXX' : 'UXXXXXXXX'} escape`,
    );
  }
  if (letter === 'N') {
    throw new PythonSyntaxError(
      "(unicode error) 'unicodeescape' codec can't decode bytes in position 0-1: malformed \\N character escape",
    );
  }
  return sequence;
}
