import { ConfigError } from '@parl-mt/schema';
import { JsonSyntaxError, plainValue, readJson } from './python/json-reader.js';

/** Checked access to the fields of a parsed JSON record of unknown origin. */
export class RecordFields {
  readonly #record: { readonly [key: string]: unknown };
  readonly #where: string;

  /**
   * Reads JSON as Python writes it, NaN and Infinity included.
   *
   * @throws {ConfigError} when the text is not the JSON of an object. `where` names it in messages.
   */
  static parse(text: string, where: string): RecordFields {
    return new RecordFields(parseJson(text, where), where);
  }

  /** @throws {ConfigError} when the value is not an object. */
  constructor(value: unknown, where: string) {
    if (!isRecord(value)) throw new ConfigError(`${where}: expected an object, received ${kindOf(value)}`);
    this.#record = value;
    this.#where = where;
  }

  has(key: string): boolean {
    return Object.hasOwn(this.#record, key) && this.#record[key] !== null;
  }

  /** The value as it is; undefined where absent. */
  raw(key: string): unknown {
    return Object.hasOwn(this.#record, key) ? this.#record[key] : undefined;
  }

  text(key: string): string {
    const value = this.raw(key);
    return typeof value === 'string' ? value : this.#fail(key, 'a string', value);
  }

  flag(key: string): boolean {
    const value = this.raw(key);
    return typeof value === 'boolean' ? value : this.#fail(key, 'true or false', value);
  }

  list(key: string): readonly unknown[] {
    const value = this.raw(key);
    return Array.isArray(value) ? value : this.#fail(key, 'a list', value);
  }

  texts(key: string): string[] {
    return this.list(key).map((item) => (typeof item === 'string' ? item : this.#fail(key, 'a list of strings', item)));
  }

  /** A list of lists of strings. */
  textLists(key: string): string[][] {
    return this.list(key).map((item) => new RecordFields({ item }, `${this.#where}: ${key}`).texts('item'));
  }

  fields(key: string): RecordFields {
    return new RecordFields(this.raw(key), `${this.#where}: ${key}`);
  }

  fieldsList(key: string): RecordFields[] {
    return this.list(key).map((item, index) => new RecordFields(item, `${this.#where}: ${key}[${index}]`));
  }

  entries(): [string, unknown][] {
    return Object.entries(this.#record);
  }

  #fail(key: string, expected: string, value: unknown): never {
    throw new ConfigError(`${this.#where}: expected ${key} to be ${expected}, received ${kindOf(value)}`);
  }
}

function parseJson(text: string, where: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // Perhaps only for want of NaN; the slower reader knows it, and says what else is wrong.
  }
  try {
    return plainValue(readJson(text));
  } catch (error) {
    if (!(error instanceof JsonSyntaxError)) throw error;
    throw new ConfigError(`${where}: expected JSON: ${error.message}`, { cause: error });
  }
}

export function isRecord(value: unknown): value is { readonly [key: string]: unknown } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function kindOf(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (value === null) return 'null';
  return Array.isArray(value) ? 'a list' : typeof value;
}
