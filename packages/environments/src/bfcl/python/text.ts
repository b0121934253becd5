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
