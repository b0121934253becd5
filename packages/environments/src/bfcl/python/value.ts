/**
 * Python values in JavaScript: None is null, bool is boolean, int is bigint (unbounded), float is number, str is string,
 * list is array. The rest are the classes below. Keeping int and float in different JavaScript types makes mixing them
 * up a type error instead of a wrong digit in a result.
 */
export type PyValue = null | boolean | bigint | number | string | PyValue[] | PyTuple | PyDict | PySet | PyObject;

/** A Python exception: `type` is the class name ("KeyError"), `message` what `str(exception)` gives. */
export class PythonError extends Error {
  readonly type: string;

  constructor(type: string, message: string) {
    super(message);
    this.name = 'PythonError';
    this.type = type;
  }
}

export function typeError(message: string): PythonError {
  return new PythonError('TypeError', message);
}

/**
 * Anything else that has a Python type. graph.ts copies mutable ones field by field onto the same prototype, so these
 * keep all their state in public fields: a private `#member` would be missing from the copy.
 */
export abstract class PyObject {
  /** What `type(x).__name__` gives. */
  abstract get typeName(): string;
  abstract repr(): string;

  /** Whether copies may share it; mutable objects override this. */
  get isImmutable(): boolean {
    return true;
  }

  /** The items a `for` loop visits; undefined where there is nothing to iterate over. */
  items(): PyValue[] | undefined {
    return undefined;
  }

  /** What `len` gives; undefined where it is a TypeError. */
  size(): number | undefined {
    return undefined;
  }

  /** Python `==` with another value, where that is not identity. `compare` continues into parts. */
  isEqual(other: PyValue, _compare: (a: PyValue, b: PyValue) => boolean): boolean {
    return this === other;
  }
}

export class PyTuple {
  readonly items: readonly PyValue[];

  constructor(items: readonly PyValue[]) {
    this.items = items;
  }
}

class EllipsisValue extends PyObject {
  get typeName(): string {
    return 'ellipsis';
  }

  repr(): string {
    return 'Ellipsis';
  }
}

export const pyEllipsis: PyObject = new EllipsisValue();

/** Bytes, one per UTF-16 unit of `latin1`. */
export class PyBytes extends PyObject {
  readonly latin1: string;

  constructor(latin1: string) {
    super();
    this.latin1 = latin1;
  }

  get typeName(): string {
    return 'bytes';
  }

  repr(): string {
    const quote = this.latin1.includes("'") && !this.latin1.includes('"') ? '"' : "'";
    let text = '';
    for (const character of this.latin1) {
      const code = character.charCodeAt(0);
      if (character === quote || character === '\\') text += `\\${character}`;
      else if (character === '\n') text += '\\n';
      else if (character === '\r') text += '\\r';
      else if (character === '\t') text += '\\t';
      else if (code < 0x20 || code >= 0x7f) text += `\\x${code.toString(16).padStart(2, '0')}`;
      else text += character;
    }
    return `b${quote}${text}${quote}`;
  }

  override items(): PyValue[] {
    return Array.from(this.latin1, (unit) => BigInt(unit.charCodeAt(0)));
  }

  override size(): number {
    return this.latin1.length;
  }

  override isEqual(other: PyValue): boolean {
    return other instanceof PyBytes && other.latin1 === this.latin1;
  }
}

/** What a Map can look a Python key up by: equal Python keys (1, 1.0, True) give equal hash keys. */
export type HashKey = string | bigint | number | null;

/**
 * @throws {PythonError} TypeError "unhashable type: 'list'" for lists, dicts and sets, also inside tuples.
 */
export function hashKey(value: PyValue): HashKey {
  switch (typeof value) {
    case 'string':
      // Composite keys start with NUL, so a text that does too gets a second one.
      return value.charCodeAt(0) === 0 ? `\0${value}` : value;
    case 'bigint':
      return value;
    case 'boolean':
      return value ? 1n : 0n;
    case 'number':
      return Number.isInteger(value) ? BigInt(value) : value;
    default:
  }
  if (value === null) return null;
  if (value instanceof PyTuple) return `\0(${value.items.map((item) => taggedKey(hashKey(item))).join('')})`;
  if (value instanceof PyObject && value.isImmutable) return `\0<${value.typeName} ${value.repr()}`;
  throw typeError(`unhashable type: '${typeName(value)}'`);
}

function taggedKey(key: HashKey): string {
  const text = String(key);
  return `${typeof key}${text.length}:${text}`;
}

/** A dict: insertion order, keys equal by Python `==`, the first spelling of a key kept. */
export class PyDict {
  readonly #entries = new Map<HashKey, [PyValue, PyValue]>();

  constructor(entries: Iterable<readonly [PyValue, PyValue]> = []) {
    for (const [key, value] of entries) this.set(key, value);
  }

  /** A dict with string keys, in the order written. */
  static of(fields: { readonly [key: string]: PyValue }): PyDict {
    return new PyDict(Object.entries(fields));
  }

  get size(): number {
    return this.#entries.size;
  }

  has(key: PyValue): boolean {
    return this.#entries.has(hashKey(key));
  }

  get(key: PyValue): PyValue | undefined {
    return this.#entries.get(hashKey(key))?.[1];
  }

  set(key: PyValue, value: PyValue): void {
    const hash = hashKey(key);
    const entry = this.#entries.get(hash);
    if (entry === undefined) this.#entries.set(hash, [key, value]);
    else entry[1] = value;
  }

  delete(key: PyValue): boolean {
    return this.#entries.delete(hashKey(key));
  }

  clear(): void {
    this.#entries.clear();
  }

  keys(): PyValue[] {
    return Array.from(this.#entries.values(), (entry) => entry[0]);
  }

  values(): PyValue[] {
    return Array.from(this.#entries.values(), (entry) => entry[1]);
  }

  entries(): IterableIterator<readonly [PyValue, PyValue]> {
    return this.#entries.values();
  }
}

export class PySet {
  readonly #items = new Map<HashKey, PyValue>();

  constructor(items: Iterable<PyValue> = []) {
    for (const item of items) this.add(item);
  }

  get size(): number {
    return this.#items.size;
  }

  add(item: PyValue): void {
    const hash = hashKey(item);
    if (!this.#items.has(hash)) this.#items.set(hash, item);
  }

  has(item: PyValue): boolean {
    return this.#items.has(hashKey(item));
  }

  delete(item: PyValue): boolean {
    return this.#items.delete(hashKey(item));
  }

  clear(): void {
    this.#items.clear();
  }

  /** Members by code point order: Python's own order is random, so one fixed order stands for all of them. */
  sorted(): PyValue[] {
    return Array.from(this.#items.values()).sort((a, b) => {
      const left = taggedKey(hashKey(a));
      const right = taggedKey(hashKey(b));
      if (typeof a === 'string' && typeof b === 'string') return compareCodePoints(a, b);
      if (isNumeric(a) && isNumeric(b)) return a < b ? -1 : a > b ? 1 : 0;
      return left < right ? -1 : left > right ? 1 : 0;
    });
  }
}

export function isNumeric(value: PyValue): value is boolean | bigint | number {
  return typeof value === 'bigint' || typeof value === 'number' || typeof value === 'boolean';
}

/** Order by code point; the UTF-16 order of `<` differs where surrogates meet U+E000 to U+FFFF. */
export function compareCodePoints(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let index = 0; index < length; index++) {
    const left = a.charCodeAt(index);
    const right = b.charCodeAt(index);
    if (left !== right) {
      const isLeftSurrogate = left >= 0xd800 && left <= 0xdfff;
      const isRightSurrogate = right >= 0xd800 && right <= 0xdfff;
      if (isLeftSurrogate !== isRightSurrogate) {
        // A lone surrogate is a code point below U+E000; a pair is one above U+FFFF.
        const leftPoint = isLeftSurrogate ? pairStart(a, index) : left;
        const rightPoint = isRightSurrogate ? pairStart(b, index) : right;
        return leftPoint - rightPoint;
      }
      return left - right;
    }
  }
  return a.length - b.length;
}

function pairStart(text: string, index: number): number {
  const unit = text.charCodeAt(index);
  const isLow = unit >= 0xdc00;
  return text.codePointAt(isLow && index > 0 ? index - 1 : index) ?? unit;
}

export function typeName(value: PyValue): string {
  switch (typeof value) {
    case 'string':
      return 'str';
    case 'bigint':
      return 'int';
    case 'boolean':
      return 'bool';
    case 'number':
      return 'float';
    default:
  }
  if (value === null) return 'NoneType';
  if (Array.isArray(value)) return 'list';
  if (value instanceof PyTuple) return 'tuple';
  if (value instanceof PyDict) return 'dict';
  if (value instanceof PySet) return 'set';
  return value.typeName;
}

/** Python truth: empty, zero and None are false. */
export function isTruthy(value: PyValue): boolean {
  if (value === null || value === false || value === '') return false;
  if (typeof value === 'bigint') return value !== 0n;
  if (typeof value === 'number') return value !== 0;
  if (Array.isArray(value)) return value.length > 0;
  if (value instanceof PyTuple) return value.items.length > 0;
  if (value instanceof PyDict || value instanceof PySet) return value.size > 0;
  return value instanceof PyObject ? value.size() !== 0 : true;
}

/**
 * The items a `for` loop visits.
 *
 * @throws {PythonError} TypeError "'int' object is not iterable".
 */
export function iterate(value: PyValue): PyValue[] {
  if (Array.isArray(value)) return value.slice();
  if (typeof value === 'string') return Array.from(value);
  if (value instanceof PyTuple) return value.items.slice();
  if (value instanceof PyDict) return value.keys();
  if (value instanceof PySet) return value.sorted();
  const items = value instanceof PyObject ? value.items() : undefined;
  if (items !== undefined) return items;
  throw typeError(`'${typeName(value)}' object is not iterable`);
}

/** Number of code points: what Python's `len` counts in a str. */
export function codePointLength(text: string): number {
  let count = 0;
  for (const _ of text) count++;
  return count;
}

/**
 * Python `len`.
 *
 * @throws {PythonError} TypeError "object of type 'int' has no len()".
 */
export function lengthOf(value: PyValue): number {
  if (Array.isArray(value)) return value.length;
  if (typeof value === 'string') return codePointLength(value);
  if (value instanceof PyTuple) return value.items.length;
  if (value instanceof PyDict || value instanceof PySet) return value.size;
  const size = value instanceof PyObject ? value.size() : undefined;
  if (size !== undefined) return size;
  throw typeError(`object of type '${typeName(value)}' has no len()`);
}
