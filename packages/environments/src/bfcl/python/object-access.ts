import { pyRepr } from './render.js';
import { PyDict, PythonError, type PyValue, typeError, typeName } from './value.js';

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
 * Python `value[key]` where value should be a dict.
 *
 * @throws {PythonError} KeyError with the repr of the key; TypeError where value is not a dict.
 */
export function dictItem(value: PyValue, key: string): PyValue {
  if (!(value instanceof PyDict)) throw typeError(`'${typeName(value)}' object is not subscriptable`);
  const item = value.get(key);
  if (item === undefined) throw new PythonError('KeyError', pyRepr(key));
  return item;
}
