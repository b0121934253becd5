import {
  compareCodePoints,
  isNumeric,
  PyBytes,
  PyDict,
  PyObject,
  PySet,
  PyTuple,
  PythonError,
  type PyValue,
  typeError,
  typeName,
} from './value.js';

/** Pairs visited by one comparison; more means a value that is shared exponentially often. */
const MAX_PAIRS = 5_000_000;
const MAX_DEPTH = 900;

/**
 * Python `==`: deep, dict order free, list order strict, numbers by value (5 == 5.0, True == 1).
 *
 * @throws {PythonError} RecursionError for cyclic values.
 */
export function pyEquals(a: PyValue, b: PyValue): boolean {
  let pairs = 0;
  let depth = 0;
  const compare = (left: PyValue, right: PyValue): boolean => {
    if (left === right) return true;
    if (typeof left === 'string' || typeof right === 'string' || left === null || right === null) return false;
    if (isNumeric(left)) {
      return isNumeric(right) ? numericEquals(left, right) : right instanceof PyObject && right.isEqual(left, compare);
    }
    if (isNumeric(right)) return left instanceof PyObject && left.isEqual(right, compare);
    if (++pairs > MAX_PAIRS || ++depth > MAX_DEPTH) {
      throw new PythonError('RecursionError', 'maximum recursion depth exceeded in comparison');
    }
    const isEqual = containerEquals(left, right, compare);
    depth--;
    return isEqual;
  };
  // NaN is unequal to itself, but identical objects inside containers count as equal; numbers carry no identity here.
  return compare(a, b);
}

function containerEquals(left: PyValue, right: PyValue, compare: (a: PyValue, b: PyValue) => boolean): boolean {
  if (Array.isArray(left)) return Array.isArray(right) && sequenceEquals(left, right, compare);
  if (left instanceof PyTuple) return right instanceof PyTuple && sequenceEquals(left.items, right.items, compare);
  if (left instanceof PyDict) {
    if (!(right instanceof PyDict) || left.size !== right.size) return false;
    for (const [key, value] of left.entries()) {
      const other = right.get(key);
      if (other === undefined || !compare(value, other)) return false;
    }
    return true;
  }
  if (left instanceof PySet) {
    return right instanceof PySet && left.size === right.size && left.sorted().every((item) => right.has(item));
  }
  return left instanceof PyObject && left.isEqual(right, compare);
}

function sequenceEquals(
  left: readonly PyValue[],
  right: readonly PyValue[],
  compare: (a: PyValue, b: PyValue) => boolean,
): boolean {
  if (left.length !== right.length) return false;
  for (let index = 0; index < left.length; index++) {
    if (!compare(left[index] as PyValue, right[index] as PyValue)) return false;
  }
  return true;
}

function numericEquals(left: boolean | bigint | number, right: boolean | bigint | number): boolean {
  const a = typeof left === 'boolean' ? BigInt(left) : left;
  const b = typeof right === 'boolean' ? BigInt(right) : right;
  // biome-ignore lint/suspicious/noDoubleEquals: == compares bigint and number by exact value, as Python does
  return a == b;
}

export type OrderingOperator = '<' | '<=' | '>' | '>=';

/**
 * Python `<`, `<=`, `>`, `>=`.
 *
 * @throws {PythonError} TypeError "'<' not supported between instances of 'str' and 'int'".
 */
export function pyOrder(operator: OrderingOperator, a: PyValue, b: PyValue): boolean {
  if (isNumeric(a) && isNumeric(b)) return decide(operator, a < b ? -1 : a > b ? 1 : numericEquals(a, b) ? 0 : null);
  if (typeof a === 'string' && typeof b === 'string') return decide(operator, compareCodePoints(a, b));
  if (Array.isArray(a) && Array.isArray(b)) return orderSequences(operator, a, b);
  if (a instanceof PyTuple && b instanceof PyTuple) return orderSequences(operator, a.items, b.items);
  if (a instanceof PyBytes && b instanceof PyBytes) return decide(operator, compareCodePoints(a.latin1, b.latin1));
  if (a instanceof PySet && b instanceof PySet) return orderSets(operator, a, b);
  throw typeError(`'${operator}' not supported between instances of '${typeName(a)}' and '${typeName(b)}'`);
}

/** @param sign - negative, zero, positive, or null where the operands are not ordered (NaN). */
function decide(operator: OrderingOperator, sign: number | null): boolean {
  if (sign === null) return false;
  switch (operator) {
    case '<':
      return sign < 0;
    case '<=':
      return sign <= 0;
    case '>':
      return sign > 0;
    case '>=':
      return sign >= 0;
  }
}

function orderSequences(operator: OrderingOperator, a: readonly PyValue[], b: readonly PyValue[]): boolean {
  const length = Math.min(a.length, b.length);
  for (let index = 0; index < length; index++) {
    const left = a[index] as PyValue;
    const right = b[index] as PyValue;
    if (!pyEquals(left, right)) return pyOrder(operator, left, right);
  }
  return decide(operator, a.length - b.length);
}

function orderSets(operator: OrderingOperator, a: PySet, b: PySet): boolean {
  const isSubset = (left: PySet, right: PySet) => left.sorted().every((item) => right.has(item));
  switch (operator) {
    case '<':
      return a.size < b.size && isSubset(a, b);
    case '<=':
      return isSubset(a, b);
    case '>':
      return b.size < a.size && isSubset(b, a);
    case '>=':
      return isSubset(b, a);
  }
}

/**
 * Python `item in container`.
 *
 * @throws {PythonError} TypeError where the container has no members, or the left side of a text is not a text.
 */
export function pyContains(container: PyValue, item: PyValue): boolean {
  if (typeof container === 'string') {
    if (typeof item === 'string') return container.includes(item);
    throw typeError(`'in <string>' requires string as left operand, not ${typeName(item)}`);
  }
  if (Array.isArray(container)) return container.some((member) => pyEquals(member, item));
  if (container instanceof PyTuple) return container.items.some((member) => pyEquals(member, item));
  if (container instanceof PyDict || container instanceof PySet) return container.has(item);
  if (container instanceof PyBytes) {
    if (item instanceof PyBytes) return container.latin1.includes(item.latin1);
    if (typeof item === 'bigint') return container.latin1.includes(String.fromCharCode(Number(item)));
    throw typeError(`a bytes-like object is required, not '${typeName(item)}'`);
  }
  const items = container instanceof PyObject ? container.items() : undefined;
  if (items !== undefined) return items.some((member) => pyEquals(member, item));
  throw typeError(`argument of type '${typeName(container)}' is not iterable`);
}
