import { ConfigError } from '@parl-mt/schema';
import { plainValue } from '../../bfcl/python/json-reader.js';
import { PyDict, type PyValue, typeName } from '../../bfcl/python/value.js';

/** Checked access to the fields of a trace record; numbers keep int and float apart. */
export class TraceRecord {
  readonly #dict: PyDict;
  readonly where: string;

  /** @throws {ConfigError} when the value is not an object. */
  constructor(value: PyValue | undefined, where: string) {
    if (!(value instanceof PyDict)) throw new ConfigError(`${where}: expected an object`);
    this.#dict = value;
    this.where = where;
  }

  get value(): PyDict {
    return this.#dict;
  }

  has(key: string): boolean {
    return (this.#dict.get(key) ?? null) !== null;
  }

  raw(key: string): PyValue | undefined {
    return this.#dict.get(key);
  }

  text(key: string): string {
    const value = this.#dict.get(key);
    return typeof value === 'string' ? value : this.#fail(key, 'a text', value);
  }

  number(key: string): number {
    const value = this.#dict.get(key);
    return typeof value === 'bigint' || typeof value === 'number' ? Number(value) : this.#fail(key, 'a number', value);
  }

  flag(key: string): boolean {
    return this.#dict.get(key) === true;
  }

  list(key: string): readonly PyValue[] {
    const value = this.#dict.get(key);
    return Array.isArray(value) ? value : this.#fail(key, 'a list', value);
  }

  texts(key: string): string[] {
    return this.list(key).map((item) => (typeof item === 'string' ? item : this.#fail(key, 'a list of texts', item)));
  }

  records(key: string): TraceRecord[] {
    return this.list(key).map((item, index) => new TraceRecord(item, `${this.where} ${key}[${index}]`));
  }

  record(key: string): TraceRecord {
    return new TraceRecord(this.#dict.get(key), `${this.where} ${key}`);
  }

  entries(): (readonly [string, PyValue])[] {
    return Array.from(this.#dict.entries()) as (readonly [string, PyValue])[];
  }

  /** As a plain JSON value, for comparisons in which int and float are the same. */
  plain(key: string): unknown {
    const value = this.#dict.get(key);
    return value === undefined ? undefined : plainValue(value);
  }

  #fail(key: string, expected: string, value: PyValue | undefined): never {
    const found = value === undefined ? 'nothing' : typeName(value);
    throw new ConfigError(`${this.where}: expected ${key} to be ${expected}, received ${found}`);
  }
}

/** One line about two values that should print the same; nothing where they do. */
export function differing(what: string, expected: unknown, received: unknown): string[] {
  const [left, right] = [JSON.stringify(expected), JSON.stringify(received)];
  return left === right ? [] : [`${what}: expected ${left}, received ${right}`];
}

/** The same, where keys may come in any order. */
export function differingUnordered(what: string, expected: unknown, received: unknown): string[] {
  return differing(what, sortKeys(expected), sortKeys(received));
}

function sortKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortKeys);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).map(([key, item]) => [key, sortKeys(item)] as const);
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
}
