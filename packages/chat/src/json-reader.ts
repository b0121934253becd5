import {
  type LiteralValue,
  MAX_LITERAL_DEPTH,
  MAX_LITERAL_LENGTH,
  ReadFailure,
  type TextError,
} from './literal-value.js';

export interface JsonLimits {
  /** In UTF-16 units. Default 65,536. */
  readonly maxLength?: number;
  /** Levels of lists and objects. Default 32. */
  readonly maxDepth?: number;
}

/** Reads JSON text without losing how numbers are spelled, nor the order of keys. A repeated key keeps its last value. */
export function readJson(
  source: string,
  { maxLength = MAX_LITERAL_LENGTH, maxDepth = MAX_LITERAL_DEPTH }: JsonLimits = {},
): { readonly ok: true; readonly value: LiteralValue } | { readonly ok: false; readonly error: TextError } {
  try {
    if (source.length > maxLength) {
      throw new ReadFailure(`expected at most ${maxLength} characters of JSON, received ${source.length}`, 0);
    }
    const reader = new JsonReader(source, maxDepth);
    return { ok: true, value: reader.readDocument() };
  } catch (error) {
    if (error instanceof ReadFailure) {
      return { ok: false, error: { message: error.message, position: error.position } };
    }
    throw error;
  }
}

const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const STRING = /"[^"\\]*(?:\\.[^"\\]*)*"/sy;
const SPACE = /[ \t\n\r]*/y;

class JsonReader {
  private position = 0;

  constructor(
    private readonly source: string,
    private readonly maxDepth: number,
  ) {}

  readDocument(): LiteralValue {
    const value = this.readValue(0);
    this.skipSpace();
    if (this.position < this.source.length) {
      throw this.failure('expected the end of the JSON text');
    }
    return value;
  }

  private readValue(depth: number): LiteralValue {
    if (depth > this.maxDepth) {
      throw this.failure(`expected at most ${this.maxDepth} levels of nesting`);
    }
    this.skipSpace();
    switch (this.source[this.position]) {
      case '{':
        return this.readMap(depth);
      case '[':
        return this.readList(depth);
      case '"':
        return { kind: 'string', value: this.readString() };
      default:
        return this.readScalar();
    }
  }

  private readScalar(): LiteralValue {
    for (const [word, value] of WORDS) {
      if (this.source.startsWith(word, this.position)) {
        this.position += word.length;
        return value;
      }
    }
    const number = this.match(NUMBER);
    if (number === undefined) {
      throw this.failure('expected a JSON value');
    }
    return { kind: 'number', text: number };
  }

  private readList(depth: number): LiteralValue {
    const items: LiteralValue[] = [];
    this.position += 1;
    if (this.take(']')) {
      return { kind: 'list', items };
    }
    do {
      items.push(this.readValue(depth + 1));
    } while (this.take(','));
    this.expect(']');
    return { kind: 'list', items };
  }

  private readMap(depth: number): LiteralValue {
    const entries = new Map<string, LiteralValue>();
    this.position += 1;
    if (this.take('}')) {
      return { kind: 'map', entries };
    }
    do {
      this.skipSpace();
      const key = this.readString();
      this.expect(':');
      entries.set(key, this.readValue(depth + 1));
    } while (this.take(','));
    this.expect('}');
    return { kind: 'map', entries };
  }

  private readString(): string {
    const literal = this.match(STRING);
    if (literal === undefined) {
      throw this.failure('expected a string in double quotes');
    }
    try {
      return JSON.parse(literal) as string;
    } catch {
      this.position -= literal.length;
      throw this.failure('expected a string without raw control characters and with valid escapes');
    }
  }

  private skipSpace(): void {
    this.match(SPACE);
  }

  private take(character: string): boolean {
    this.skipSpace();
    if (this.source[this.position] !== character) {
      return false;
    }
    this.position += 1;
    return true;
  }

  private expect(character: string): void {
    if (!this.take(character)) {
      throw this.failure(`expected "${character}"`);
    }
  }

  private match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.position;
    const found = pattern.exec(this.source)?.[0];
    this.position += found?.length ?? 0;
    return found;
  }

  private failure(message: string): ReadFailure {
    return new ReadFailure(message, this.position);
  }
}

const WORDS: readonly (readonly [string, LiteralValue])[] = [
  ['null', { kind: 'null' }],
  ['true', { kind: 'boolean', value: true }],
  ['false', { kind: 'boolean', value: false }],
];
