import { createHash } from 'node:crypto';
import { pyRepr } from '../bfcl/python/render.js';
import { compareCodePoints, PyDict, type PyValue } from '../bfcl/python/value.js';

/**
 * The text that tau-bench hashes: objects become tuples of (key, value) pairs in code point order of their keys, lists
 * become tuples, scalars print as Python's `repr`. `100` and `100.0` therefore differ.
 */
export function hashableText(value: PyValue): string {
  if (value instanceof PyDict) {
    return tupleText(sortedKeys(value).map((key) => pairText(key, hashableText(value.get(key) as PyValue))));
  }
  return Array.isArray(value) ? tupleText(value.map(hashableText)) : pyRepr(value);
}

/** One pair, its value printed already. */
export function pairText(key: string, valueText: string): string {
  return `(${pyRepr(key)}, ${valueText})`;
}

/** Python's print of a tuple whose items are printed already. */
export function tupleText(items: readonly string[]): string {
  return items.length === 1 ? `(${items[0]},)` : `(${items.join(', ')})`;
}

/** SHA-256 of {@link hashableText}, lower-case hex: tau-bench's data hash. */
export function dataHash(value: PyValue): string {
  return createHash('sha256').update(hashableText(value), 'utf8').digest('hex');
}

function sortedKeys(dict: PyDict): string[] {
  return (dict.keys() as string[]).sort(compareCodePoints);
}
