import { writePythonString } from '../literal-value.js';
import { JinjaFailure } from './jinja-error.js';
import { floatRepr } from './python-number.js';
import { Dict, type Native, Once, Tuple, typeName, Undefined, type Value, View } from './value.js';
import type { Work } from './work.js';

/** Python's `str(value)`. */
export function toText(value: Value, work: Work): string {
  if (typeof value === 'string') return value;
  return value instanceof Undefined ? '' : toRepr(value, work);
}

/** Python's `repr(value)`. */
export function toRepr(value: Value, work: Work): string {
  work.spend(1);
  if (value === null) return 'None';
  switch (typeof value) {
    case 'boolean':
      return value ? 'True' : 'False';
    case 'bigint':
      return value.toString();
    case 'number':
      return floatRepr(value);
    case 'string':
      work.text(value.length);
      return writePythonString(value);
  }
  return work.deeper(() => containerRepr(value, work));
}

function containerRepr(value: Exclude<Value, null | boolean | bigint | number | string>, work: Work): string {
  const list = (items: readonly Value[]): string => items.map((item) => toRepr(item, work)).join(', ');
  if (Array.isArray(value)) return bounded(`[${list(value)}]`, work);
  if (value instanceof Tuple) return bounded(`(${list(value.items)}${value.items.length === 1 ? ',' : ''})`, work);
  if (value instanceof Dict) {
    const entries = Array.from(value.entries(), ([key, entry]) => `${toRepr(key, work)}: ${toRepr(entry, work)}`);
    return bounded(`{${entries.join(', ')}}`, work);
  }
  if (value instanceof View) return bounded(value.text ?? `${value.typeName}([${list(value.items)}])`, work);
  if (value instanceof Once) return '<generator object>';
  if (value instanceof Undefined) return 'Undefined';
  return (value as Native).text;
}

function bounded(text: string, work: Work): string {
  work.text(text.length);
  return text;
}

export interface JsonOptions {
  readonly ensureAscii: boolean;
  /** Text of one level of indentation; null writes one line. */
  readonly indent: string | null;
  readonly itemSeparator: string;
  readonly keySeparator: string;
  readonly sortKeys: boolean;
}

/** Python's `json.dumps`. */
export function toJson(value: Value, options: JsonOptions, work: Work): string {
  return bounded(jsonText(value, options, '\n', work), work);
}

function jsonText(value: Value, options: JsonOptions, newline: string, work: Work): string {
  work.spend(1);
  if (value === null) return 'null';
  switch (typeof value) {
    case 'boolean':
    case 'bigint':
      return String(value);
    case 'number':
      return jsonFloat(value);
    case 'string':
      work.text(value.length);
      return jsonString(value, options.ensureAscii);
  }
  return work.deeper(() => {
    const inner = options.indent === null ? '' : newline + options.indent;
    const wrap = (opening: string, items: readonly string[], closing: string): string =>
      items.length === 0
        ? opening + closing
        : bounded(
            opening +
              inner +
              items.join(options.itemSeparator + inner) +
              (options.indent === null ? '' : newline) +
              closing,
            work,
          );
    if (Array.isArray(value) || value instanceof Tuple) {
      const items: readonly Value[] = value instanceof Tuple ? value.items : value;
      return wrap(
        '[',
        items.map((item) => jsonText(item, options, inner, work)),
        ']',
      );
    }
    if (value instanceof Dict) {
      const entries = Array.from(value.entries(), ([key, entry]) => [key, entry] as const);
      if (options.sortKeys) entries.sort(([a], [b]) => compareKeys(a, b));
      return wrap(
        '{',
        entries.map(
          ([key, entry]) =>
            jsonString(jsonKey(key), options.ensureAscii) +
            options.keySeparator +
            jsonText(entry, options, inner, work),
        ),
        '}',
      );
    }
    throw new JinjaFailure('type', `expected data that JSON can hold, received ${typeName(value)}`);
  });
}

function compareKeys(a: Value, b: Value): number {
  if (typeof a === 'string' && typeof b === 'string') return compareTexts(a, b);
  if (typeof a !== 'string' && typeof b !== 'string' && a !== null && b !== null) return Number(a) - Number(b);
  throw new JinjaFailure('type', `expected keys of one type to sort, received ${typeName(a)} and ${typeName(b)}`);
}

function jsonKey(key: Value): string {
  if (typeof key === 'string') return key;
  return typeof key === 'number' ? jsonFloat(key) : String(key);
}

function jsonFloat(value: number): string {
  if (Number.isNaN(value)) return 'NaN';
  if (!Number.isFinite(value)) return value > 0 ? 'Infinity' : '-Infinity';
  return floatRepr(value);
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: JSON escapes exactly these.
const JSON_ESCAPED = /["\\\u0000-\u001f]/g;
const JSON_ESCAPED_ASCII = /["\\]|[^\u0020-\u007e]/g;
const SHORT: Readonly<Record<string, string>> = {
  '"': '\\"',
  '\\': '\\\\',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\b': '\\b',
  '\f': '\\f',
};

function jsonString(value: string, isAscii: boolean): string {
  const body = value.replace(
    isAscii ? JSON_ESCAPED_ASCII : JSON_ESCAPED,
    (unit) => SHORT[unit] ?? `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
  return `"${body}"`;
}

/** Order by code points, as Python's; JavaScript's is by UTF-16 units. */
export function compareTexts(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const [x, y] = [a.charCodeAt(i), b.charCodeAt(i)];
    if (x !== y) return fixSurrogate(x) - fixSurrogate(y);
  }
  return a.length - b.length;
}

/** Moves surrogates above the rest of the basic plane. */
function fixSurrogate(unit: number): number {
  return unit >= 0xd800 && unit <= 0xdfff ? unit + 0x2000 : unit;
}

const SURROGATE = /[\ud800-\udfff]/;

/** Characters as Python counts them; a text without surrogates is not copied. */
export function codePoints(text: string): readonly string[] | string {
  return SURROGATE.test(text) ? [...text] : text;
}

export function textLength(text: string): number {
  return codePoints(text).length;
}
