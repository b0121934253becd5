/** Characters that Python's `str.isspace` and `\s` accept, for a class of a regular expression. Not the set of JavaScript. */
export const SPACE_CLASS = '\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000';

const SPACE = new RegExp(`[${SPACE_CLASS}]`);

export function isSpace(character: string): boolean {
  return SPACE.test(character);
}

/** Python's `str.strip()`, `lstrip` and `rstrip` without an argument. */
export function stripSpace(text: string, side: 'both' | 'left' | 'right' = 'both'): string {
  let [start, end] = [0, text.length];
  if (side !== 'right') while (start < end && isSpace(text[start]!)) start += 1;
  if (side !== 'left') while (end > start && isSpace(text[end - 1]!)) end -= 1;
  return text.slice(start, end);
}

/** Python's `str.split()` without an argument. */
export function splitSpace(text: string): string[] {
  const words: string[] = [];
  let start = -1;
  for (let i = 0; i <= text.length; i++) {
    if (i === text.length || isSpace(text[i]!)) {
      if (start >= 0) words.push(text.slice(start, i));
      start = -1;
    } else if (start < 0) start = i;
  }
  return words;
}
