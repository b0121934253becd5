import type { LiteralValue } from '../literal-value.js';
import { JinjaFailure } from './jinja-error.js';

/**
 * What a template computes with, Python's kinds told apart by JavaScript's: int is bigint, float is number. No JavaScript
 * object of the caller ever gets in, and attributes are looked up in the tables of this interpreter only, so that a
 * template can reach neither prototypes nor functions.
 */
export type Value =
  | null
  | boolean
  | bigint
  | number
  | string
  | readonly Value[]
  | Tuple
  | Dict
  | View
  | Once
  | Undefined
  | Native;

export class Tuple {
  constructor(readonly items: readonly Value[]) {}
}

type DictKey = null | bigint | number | string;

/** Insertion-ordered; `1`, `1.0` and `true` are one key, as in Python. */
export class Dict {
  readonly #entries = new Map<DictKey, readonly [Value, Value]>();

  constructor(entries: Iterable<readonly [Value, Value]> = []) {
    for (const [key, value] of entries) this.set(key, value);
  }

  get size(): number {
    return this.#entries.size;
  }

  get(key: Value): Value | undefined {
    return this.#entries.get(dictKey(key))?.[1];
  }

  has(key: Value): boolean {
    return this.#entries.has(dictKey(key));
  }

  /** Only while building: templates see dicts as immutable. */
  set(key: Value, value: Value): void {
    const known = dictKey(key);
    this.#entries.set(known, [this.#entries.get(known)?.[0] ?? key, value]);
  }

  entries(): Iterable<readonly [Value, Value]> {
    return this.#entries.values();
  }

  keys(): Value[] {
    return Array.from(this.#entries.values(), ([key]) => key);
  }

  values(): Value[] {
    return Array.from(this.#entries.values(), ([, value]) => value);
  }
}

function dictKey(key: Value): DictKey {
  if (typeof key === 'string' || typeof key === 'bigint' || key === null) return key;
  if (typeof key === 'boolean') return key ? 1n : 0n;
  if (typeof key === 'number') return Number.isInteger(key) ? BigInt(key) : key;
  throw new JinjaFailure('type', `expected a string, number, boolean or none as dict key, received ${typeName(key)}`);
}

/** A sequence that is neither list nor tuple: `range`, `dict.items()`. */
export class View {
  constructor(
    readonly typeName: 'range' | 'dict_keys' | 'dict_values' | 'dict_items',
    readonly items: readonly Value[],
    /** How Python prints a range; absent for the views of a dict, which print their items. */
    readonly text?: string,
  ) {}
}

/** A generator of Python: no length, no items by number, and empty once it was read. */
export class Once {
  #items: readonly Value[] | undefined;

  constructor(items: readonly Value[]) {
    this.#items = items;
  }

  take(): readonly Value[] {
    const items = this.#items ?? [];
    this.#items = undefined;
    return items;
  }

  /** The first item left, if any. */
  takeFirst(): Value | undefined {
    const items = this.#items ?? [];
    this.#items = items.slice(1);
    return items[0];
  }
}

/** A missing variable, attribute or item: prints as nothing, is false and empty; most other uses are errors. */
export class Undefined {
  constructor(
    readonly reason: string,
    readonly kind: 'undefined' | 'security' = 'undefined',
  ) {}

  failure(): JinjaFailure {
    return new JinjaFailure(this.kind, this.reason);
  }
}

export type KeywordArguments = ReadonlyMap<string, Value>;

/** Objects of the interpreter itself: functions, macros, namespaces, loops. */
export abstract class Native {
  abstract readonly typeName: string;
  attribute(_name: string): Value | undefined {
    return undefined;
  }
  item(_key: Value): Value | undefined {
    return undefined;
  }
  /** Absent: not callable. */
  call?(args: readonly Value[], kwargs: KeywordArguments): Value;
  get text(): string {
    return `<${this.typeName}>`;
  }
}

export class NativeFunction extends Native {
  readonly typeName = 'function';

  constructor(
    readonly name: string,
    override readonly call: (args: readonly Value[], kwargs: KeywordArguments) => Value,
  ) {
    super();
  }

  override get text(): string {
    return `<function ${this.name}>`;
  }
}

export function isNumber(value: Value): value is bigint | number | boolean {
  return typeof value === 'bigint' || typeof value === 'number' || typeof value === 'boolean';
}

/** Python's name of the value's type. */
export function typeName(value: Value): string {
  if (value === null) return 'NoneType';
  switch (typeof value) {
    case 'boolean':
      return 'bool';
    case 'bigint':
      return 'int';
    case 'number':
      return 'float';
    case 'string':
      return 'str';
  }
  if (Array.isArray(value)) return 'list';
  if (value instanceof Tuple) return 'tuple';
  if (value instanceof Dict) return 'dict';
  if (value instanceof Undefined) return 'Undefined';
  if (value instanceof Once) return 'generator';
  return (value as View | Native).typeName;
}

/** Deepest nesting of data that is converted. */
const MAX_DATA_DEPTH = 200;

/**
 * A value as JSON or a caller has it. `undefined` members are left out. JavaScript has one kind of number: whole numbers
 * become int. To keep `1.0`, numbers of more than 53 bits, or integer-like keys in order, read the text with `readJson`
 * and pass its {@link LiteralValue} through {@link valueFromLiteral}.
 *
 * @throws {JinjaFailure} for functions, symbols, cycles (by depth).
 */
export function valueFromUnknown(value: unknown, depth = 0): Value {
  checkDepth(depth);
  if (value === null || typeof value === 'boolean' || typeof value === 'bigint' || typeof value === 'string') {
    return value;
  }
  if (typeof value === 'number') return Number.isSafeInteger(value) && !Object.is(value, -0) ? BigInt(value) : value;
  if (value instanceof Dict || value instanceof Tuple || value instanceof Native) return value;
  if (Array.isArray(value)) return value.map((item) => valueFromUnknown(item, depth + 1));
  if (value instanceof Map) {
    return new Dict(
      Array.from(
        value,
        ([key, entry]) => [valueFromUnknown(key, depth + 1), valueFromUnknown(entry, depth + 1)] as const,
      ),
    );
  }
  if (typeof value === 'object') {
    const entries = Object.entries(value).filter(([, entry]) => entry !== undefined);
    return new Dict(entries.map(([key, entry]) => [key, valueFromUnknown(entry, depth + 1)] as const));
  }
  throw new JinjaFailure('type', `expected JSON-like data for a chat template, received a ${typeof value}`);
}

/** The same value; numbers keep their kind by their spelling. */
export function valueFromLiteral(value: LiteralValue, depth = 0): Value {
  checkDepth(depth);
  switch (value.kind) {
    case 'null':
      return null;
    case 'boolean':
    case 'string':
      return value.value;
    case 'number':
      return /^-?\d+$/.test(value.text) ? BigInt(value.text) : Number(value.text);
    case 'list':
      return value.items.map((item) => valueFromLiteral(item, depth + 1));
    case 'map':
      return new Dict(Array.from(value.entries, ([key, entry]) => [key, valueFromLiteral(entry, depth + 1)] as const));
  }
}

function checkDepth(depth: number): void {
  if (depth > MAX_DATA_DEPTH) throw new JinjaFailure('limit', `expected data of at most ${MAX_DATA_DEPTH} levels`);
}
