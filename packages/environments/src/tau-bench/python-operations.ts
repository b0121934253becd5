import { pyEquals, pyOrder } from '../bfcl/python/compare.js';
import { listFor, noAttribute } from '../bfcl/python/object-access.js';
import { applyBinary } from '../bfcl/python/operators.js';
import { roundDouble } from '../bfcl/python/rational.js';
import { pyRepr } from '../bfcl/python/render.js';
import { itemAt } from '../bfcl/python/subscript.js';
import { stripSpaces } from '../bfcl/python/text.js';
import { isNumeric, iterate, PyDict, PythonError, type PyValue, typeError, typeName } from '../bfcl/python/value.js';

/** Python `value[key]` of a dict that must be one. */
export function dictAt(value: PyValue, key: PyValue): PyDict {
  const item = itemAt(value, key);
  if (item instanceof PyDict) return item;
  throw new RangeError(`expected an object under ${pyRepr(key)} of a record, found ${typeName(item)}`);
}

/** Python `a + b` and `a - b`, for operands of any type. */
export function add(a: PyValue, b: PyValue): PyValue {
  return applyBinary('+', a, b);
}

export function subtract(a: PyValue, b: PyValue): PyValue {
  return applyBinary('-', a, b);
}

/** Python `a += b` where `a` is a number: the message of the TypeError names the operator so. */
export function addInPlace(a: PyValue, b: PyValue): PyValue {
  if (isNumeric(b)) return applyBinary('+', a, b);
  throw typeError(`unsupported operand type(s) for +=: '${typeName(a)}' and '${typeName(b)}'`);
}

export function multiply(a: PyValue, b: PyValue): PyValue {
  return applyBinary('*', a, b);
}

/** Python `sum(values)` before 3.12: from int 0, left to right, no compensation. */
export function sum(values: readonly PyValue[]): PyValue {
  return values.reduce<PyValue>((total, value) => add(total, value), 0n);
}

/** Python `max(0, value)`: the int 0 unless the value is greater. */
export function atLeastZero(value: PyValue): PyValue {
  return pyOrder('>', value, 0n) ? value : 0n;
}

export function isLess(a: PyValue, b: PyValue): boolean {
  return pyOrder('<', a, b);
}

/** Python `round(value, 2)`: exact decimal rounding, ties to even; an int stays an int. */
export function roundCents(value: PyValue): PyValue {
  return typeof value === 'number' ? roundDouble(value, 2) : value;
}

/** Python `abs(value)` of a number. */
export function absolute(value: PyValue): PyValue {
  if (typeof value === 'bigint') return value < 0n ? -value : value;
  return typeof value === 'number' ? Math.abs(value) : value;
}

/**
 * Python `values.count(item)`.
 *
 * @throws {PythonError} AttributeError for what is neither a list nor a text.
 */
export function count(values: PyValue, item: PyValue): number {
  if (typeof values === 'string') {
    if (typeof item !== 'string') throw typeError(`must be str, not ${typeName(item)}`);
    return values.split(item).length - 1;
  }
  if (!Array.isArray(values)) throw noAttribute(values, 'count');
  return values.filter((value) => pyEquals(value, item)).length;
}

/** Python `sorted(values)`. */
export function sorted(values: PyValue): PyValue[] {
  return iterate(values).sort((a, b) => (pyOrder('<', a, b) ? -1 : pyOrder('<', b, a) ? 1 : 0));
}

/** Python `value.append(...)` and `value.extend(...)`. */
export function append(value: PyValue, item: PyValue): void {
  listFor(value, 'append').push(item);
}

export function extend(value: PyValue, items: readonly PyValue[]): void {
  listFor(value, 'extend').push(...items);
}

/** Python `value.lower()`. */
export function lower(value: PyValue): string {
  if (typeof value === 'string') return value.toLowerCase();
  throw noAttribute(value, 'lower');
}

const INT_TEXT = /^[+-]?\d+(?:_\d+)*$/;

/** Python `int(value)` of a text or a list, as far as tools call it. */
export function intOf(value: PyValue): bigint {
  if (typeof value !== 'string') {
    throw typeError(`int() argument must be a string, a bytes-like object or a real number, not '${typeName(value)}'`);
  }
  const text = stripSpaces(value);
  if (!INT_TEXT.test(text)) {
    throw new PythonError('ValueError', `invalid literal for int() with base 10: ${pyRepr(value)}`);
  }
  const digits = text.replaceAll('_', '');
  return BigInt(digits.startsWith('+') ? digits.slice(1) : digits);
}
