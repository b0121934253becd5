import { itemAt } from './subscript.js';
import { PyDict, PySet, PythonError, type PyValue, typeName } from './value.js';

/** AttributeError "'int' object has no attribute 'lower'". */
export function noAttribute(value: PyValue, attribute: string): PythonError {
  return new PythonError('AttributeError', `'${typeName(value)}' object has no attribute '${attribute}'`);
}

/**
 * The text on which a str method is called.
 *
 * @throws {PythonError} AttributeError naming the method, for other types.
 */
export function textFor(value: PyValue, method: string): string {
  if (typeof value === 'string') return value;
  throw noAttribute(value, method);
}

/**
 * The list on which a list method is called.
 *
 * @throws {PythonError} AttributeError naming the method, for other types.
 */
export function listFor(value: PyValue, method: string): PyValue[] {
  if (Array.isArray(value)) return value;
  throw noAttribute(value, method);
}

/**
 * The set on which a set method is called.
 *
 * @throws {PythonError} AttributeError naming the method, for other types.
 */
export function setFor(value: PyValue, method: string): PySet {
  if (value instanceof PySet) return value;
  throw noAttribute(value, method);
}

/**
 * The dict on which a dict method is called.
 *
 * @throws {PythonError} AttributeError naming the method, for other types.
 */
export function dictFor(value: PyValue, method: string): PyDict {
  if (value instanceof PyDict) return value;
  throw noAttribute(value, method);
}

/**
 * Python `value[key]` where value should be a dict.
 *
 * @throws {PythonError} KeyError with the repr of the key; TypeError where value is not a dict.
 */
export function dictItem(value: PyValue, key: string): PyValue {
  return itemAt(value, key);
}
