import { PyDict, type PyValue } from './value.js';

/** Text that Python's `json.loads` refuses. `message` follows Python's wording where that is cheap. */
export class JsonSyntaxError extends Error {
  constructor(message: string, position: number) {
    super(`${message}: char ${position}`);
    this.name = 'JsonSyntaxError';
  }
}

const MAX_DEPTH = 500;
const NUMBER = /(-?(?:0|[1-9]\d*))(\.\d+)?([eE][-+]?\d+)?/y;
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are invalid inside JSON strings
const PLAIN_TEXT = /[^"\\\x00-\x1f]*/y;
const SPACES = /[ \t\n\r]*/y;
/** Longer ints are refused by Python's int(). */
const MAX_INT_DIGITS = 4300;

/**
 * Reads JSON as Python does: `5` is an int and `5.0` a float, ints have any size, NaN and Infinity are accepted, the last
 * of two equal keys wins. Keys are data, so "__proto__" is a key like any other.
 *
 * @throws {JsonSyntaxError} for anything else, and for more than 500 nested levels.
 */
export function readJson(text: string): PyValue {
  const reader = new JsonReader(text);
  const value = reader.readValue(0);
  reader.expectEnd();
  return value;
}

/**
 * The text of one member of a top-level object, as it was spelled; undefined where the key is absent.
 *
 * @throws {JsonSyntaxError} when the text is not a JSON object.
 */
export function jsonMemberText(text: string, key: string): string | undefined {
  const reader = new JsonReader(text);
  let found: string | undefined;
  reader.readObject(0, (memberKey, start, end) => {
    if (memberKey === key) found = text.slice(start, end);
  });
  reader.expectEnd();
  return found;
}

/**
 * What {@link readJson} gave as plain JavaScript: ints become numbers, so those beyond 2^53 are rounded.
 *
 * @param value - of the types that JSON has.
 */
export function plainValue(value: PyValue): unknown {
  if (typeof value === 'bigint') return Number(value);
  if (Array.isArray(value)) return value.map(plainValue);
  if (!(value instanceof PyDict)) return value;
  // Entries are defined, not assigned, so that "__proto__" is a key like any other.
  return Object.fromEntries(Array.from(value.entries(), ([key, item]) => [key, plainValue(item)]));
}

class JsonReader {
  readonly #text: string;
  #position = 0;

  constructor(text: string) {
    this.#text = text;
    this.#match(SPACES);
  }

  expectEnd(): void {
    if (this.#position < this.#text.length) this.#fail('Extra data');
  }

  readValue(depth: number): PyValue {
    if (depth > MAX_DEPTH) this.#fail('maximum recursion depth exceeded');
    const value = this.#readBare(depth);
    this.#match(SPACES);
    return value;
  }

  #readBare(depth: number): PyValue {
    switch (this.#text[this.#position]) {
      case '{':
        return this.readObject(depth);
      case '[':
        return this.#readArray(depth);
      case '"':
        return this.#readString();
      case 't':
        return this.#readWord('true', true);
      case 'f':
        return this.#readWord('false', false);
      case 'n':
        return this.#readWord('null', null);
      case 'N':
        return this.#readWord('NaN', Number.NaN);
      case 'I':
        return this.#readWord('Infinity', Number.POSITIVE_INFINITY);
      default:
        return this.#readNumber();
    }
  }

  readObject(depth: number, onMember?: (key: string, start: number, end: number) => void): PyDict {
    const dict = new PyDict();
    this.#expect('{');
    this.#match(SPACES);
    if (this.#text[this.#position] === '}') {
      this.#advance();
      return dict;
    }
    while (true) {
      if (this.#text[this.#position] !== '"') this.#fail('Expecting property name enclosed in double quotes');
      const key = this.#readString();
      this.#match(SPACES);
      if (this.#text[this.#position] !== ':') this.#fail("Expecting ':' delimiter");
      this.#advance();
      const start = this.#position;
      dict.set(key, this.readValue(depth + 1));
      onMember?.(key, start, this.#position);
      if (this.#text[this.#position] === '}') break;
      if (this.#text[this.#position] !== ',') this.#fail("Expecting ',' delimiter");
      this.#advance();
    }
    this.#advance();
    return dict;
  }

  #readArray(depth: number): PyValue[] {
    const items: PyValue[] = [];
    this.#expect('[');
    this.#match(SPACES);
    if (this.#text[this.#position] === ']') {
      this.#advance();
      return items;
    }
    while (true) {
      items.push(this.readValue(depth + 1));
      if (this.#text[this.#position] === ']') break;
      if (this.#text[this.#position] !== ',') this.#fail("Expecting ',' delimiter");
      this.#advance();
    }
    this.#advance();
    return items;
  }

  #readString(): string {
    this.#position++;
    let value = '';
    while (true) {
      value += this.#match(PLAIN_TEXT);
      const character = this.#text[this.#position];
      if (character === '"') {
        this.#position++;
        return value;
      }
      if (character === undefined) this.#fail('Unterminated string starting at');
      if (character !== '\\') this.#fail('Invalid control character at');
      value += this.#readEscape();
    }
  }

  #readEscape(): string {
    const letter = this.#text[this.#position + 1];
    this.#position += 2;
    switch (letter) {
      case '"':
      case '\\':
      case '/':
        return letter;
      case 'b':
        return '\b';
      case 'f':
        return '\f';
      case 'n':
        return '\n';
      case 'r':
        return '\r';
      case 't':
        return '\t';
      case 'u': {
        const digits = this.#text.slice(this.#position, this.#position + 4);
        if (!/^[0-9a-fA-F]{4}$/.test(digits)) this.#fail('Invalid \\uXXXX escape');
        this.#position += 4;
        return String.fromCharCode(Number.parseInt(digits, 16));
      }
      default:
        return this.#fail('Invalid \\escape');
    }
  }

  #readWord<T>(word: string, value: T): T {
    if (!this.#text.startsWith(word, this.#position)) this.#fail('Expecting value');
    this.#position += word.length;
    return value;
  }

  #readNumber(): bigint | number {
    if (this.#text.startsWith('-Infinity', this.#position)) {
      this.#position += '-Infinity'.length;
      return Number.NEGATIVE_INFINITY;
    }
    NUMBER.lastIndex = this.#position;
    const match = NUMBER.exec(this.#text);
    if (match === null) this.#fail('Expecting value');
    this.#position = NUMBER.lastIndex;
    const [whole, integer, fraction, exponent] = match;
    if (fraction !== undefined || exponent !== undefined) return Number(whole);
    if ((integer as string).length > MAX_INT_DIGITS) this.#fail('Exceeds the limit (4300 digits) for integer string');
    return BigInt(integer as string);
  }

  #expect(character: string): void {
    if (this.#text[this.#position] !== character) this.#fail(`Expecting '${character}'`);
    this.#position++;
  }

  /** Past one punctuation character and the white space behind it. */
  #advance(): void {
    this.#position++;
    this.#match(SPACES);
  }

  #match(pattern: RegExp): string {
    pattern.lastIndex = this.#position;
    const match = pattern.exec(this.#text);
    if (match === null) return '';
    this.#position = pattern.lastIndex;
    return match[0];
  }

  #fail(message: string): never {
    throw new JsonSyntaxError(message, this.#position);
  }
}
