import { type PyValue, typeError, typeName } from './value.js';

/** Line ends of `str.splitlines`: \r\n counts once. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: Python ends lines at these control characters
const LINE_END = /\r\n|[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]/g;

/** Characters of `str.isspace`; JavaScript's \s lacks U+001C to U+001F and U+0085 and adds U+FEFF. */
export const PYTHON_SPACE = '\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000';

const SPACES = new RegExp(`[${PYTHON_SPACE}]+`, 'g');

/** Python `text.splitlines()`: no empty last line. */
export function splitLines(text: string): string[] {
  const lines = text.split(LINE_END);
  if (lines.at(-1) === '') lines.pop();
  return lines;
}

/** Python `text.splitlines(keepends=True)`. */
export function linesWithEnds(text: string): string[] {
  const lines: string[] = [];
  let start = 0;
  for (const end of text.matchAll(LINE_END)) {
    lines.push(text.slice(start, end.index + end[0].length));
    start = end.index + end[0].length;
  }
  if (start < text.length) lines.push(text.slice(start));
  return lines;
}

/** Python `text.split()`: pieces between runs of whitespace, no empty ones. */
export function splitWords(text: string): string[] {
  return text.split(SPACES).filter((word) => word !== '');
}

/** Python `text.strip(characters)`. */
export function stripCharacters(text: string, characters: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && characters.includes(text[start] as string)) start++;
  while (end > start && characters.includes(text[end - 1] as string)) end--;
  return text.slice(start, end);
}

/** Python `text.rstrip(characters)`. */
export function stripRight(text: string, characters: string): string {
  let end = text.length;
  while (end > 0 && characters.includes(text[end - 1] as string)) end--;
  return text.slice(0, end);
}

const SPACE_CHARACTERS = Array.from({ length: 0x3001 }, (_, code) => String.fromCharCode(code))
  .filter((character) => new RegExp(`[${PYTHON_SPACE}]`).test(character))
  .join('');

/** Python `text.strip()`. */
export function stripSpaces(text: string): string {
  return stripCharacters(text, SPACE_CHARACTERS);
}

const DECIMAL_DIGIT = /\p{Nd}/u;
const OTHER_DIGITS = /(?![0-9])\p{Nd}/gu;

/** The text with every Unicode decimal digit as its ASCII one, as `int` and `float` read them. */
export function asciiDigits(text: string): string {
  return text.replace(OTHER_DIGITS, (digit) => {
    // Decimal digits come in unbroken runs of ten, zero first; some runs touch.
    const code = digit.codePointAt(0) as number;
    let start = code;
    while (DECIMAL_DIGIT.test(String.fromCodePoint(start - 1))) start--;
    return String((code - start) % 10);
  });
}

// Digits that are not decimal: superscripts, subscripts, circled and the like (Numeric_Type=Digit of Unicode 14).
const DIGIT =
  /[\p{Nd}\xb2\xb3\xb9\u1369-\u1371\u19da\u2070\u2074-\u2079\u2080-\u2089\u2460-\u2468\u2474-\u247c\u2488-\u2490\u24ea\u24f5-\u24fd\u24ff\u2776-\u277e\u2780-\u2788\u278a-\u2792\u{10a40}-\u{10a43}\u{10e60}-\u{10e68}\u{11052}-\u{1105a}\u{1f100}-\u{1f10a}]/u;
const ALL_DIGITS = new RegExp(`^(?:${DIGIT.source})+$`, 'u');

/** Python `text.isdigit()`: digits only, at least one. */
export function isDigits(text: string): boolean {
  return ALL_DIGITS.test(text);
}

/** Python `text.zfill(width)`: zeros after a leading sign. */
export function zeroFill(text: string, width: number): string {
  const sign = /^[-+]/.test(text) ? (text[0] as string) : '';
  return sign + text.slice(sign.length).padStart(width - sign.length, '0');
}

/**
 * Python `separator.join(items)`.
 *
 * @throws {PythonError} TypeError naming the first item that is not a str.
 */
export function joinTexts(separator: string, items: readonly PyValue[]): string {
  for (const [index, item] of items.entries()) {
    if (typeof item === 'string') continue;
    throw typeError(`sequence item ${index}: expected str instance, ${typeName(item)} found`);
  }
  return items.join(separator);
}
