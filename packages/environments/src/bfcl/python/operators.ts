import { pyContains, pyEquals, pyOrder } from './compare.js';
import { PyComplex } from './complex.js';
import { percentFormat } from './percent-format.js';
import { powDouble, powNegativeBase } from './power.js';
import { bitLength, divideToDouble, intToDouble } from './rational.js';
import { tooManyDigits } from './render.js';
import {
  isNumeric,
  isTruthy,
  iterate,
  PyBytes,
  PyDict,
  PySet,
  PyTuple,
  PythonError,
  type PyValue,
  typeError,
  typeName,
} from './value.js';

export type BinaryOperator = '+' | '-' | '*' | '/' | '//' | '%' | '**' | '@' | '<<' | '>>' | '&' | '|' | '^';
export type UnaryOperator = '-' | '+' | '~' | 'not';
export type ComparisonOperator = '<' | '<=' | '>' | '>=' | '==' | '!=' | 'in' | 'not in' | 'is' | 'is not';

/** Ints beyond this many bits fail as their printing would in Python: they would only burn time before. */
const MAX_INT_BITS = 1 << 20;
/** Largest Py_ssize_t. */
const MAX_INDEX = 2n ** 63n - 1n;
/** Longest text or list that `+` and `*` make. */
const MAX_REPEATED_LENGTH = 500_000;

/** @throws {PythonError} as Python does; MemoryError for texts and lists beyond our limits. */
export function applyBinary(operator: BinaryOperator, a: PyValue, b: PyValue): PyValue {
  if (isNumeric(a) && isNumeric(b)) return applyNumeric(operator, toNumber(a), toNumber(b), a, b);
  switch (operator) {
    case '+':
      return concatenate(a, b);
    case '*':
      return isSequence(a) || isSequence(b) ? repeat(a, b) : applyOther(operator, a, b);
    case '%':
      return typeof a === 'string' ? percentFormat(a, b) : applyOther(operator, a, b);
    case '-':
      if (a instanceof PySet && b instanceof PySet) return new PySet(a.sorted().filter((item) => !b.has(item)));
      return applyOther(operator, a, b);
    case '&':
      if (a instanceof PySet && b instanceof PySet) return new PySet(a.sorted().filter((item) => b.has(item)));
      return applyOther(operator, a, b);
    case '|':
      if (a instanceof PySet && b instanceof PySet) return new PySet([...a.sorted(), ...b.sorted()]);
      if (a instanceof PyDict && b instanceof PyDict) return new PyDict([...a.entries(), ...b.entries()]);
      return applyOther(operator, a, b);
    default:
      return applyOther(operator, a, b);
  }
}

/**
 * Python `target += value` and `target -= value`: a list is extended in place by whatever can be iterated, everything else
 * is the plain operator with the statement's own operator in the TypeError.
 *
 * @returns the new value of the target.
 */
export function applyInPlace(operator: '+' | '-', target: PyValue, value: PyValue): PyValue {
  if (operator === '+' && Array.isArray(target)) {
    const items = iterate(value);
    return checkedLength(target.length + items.length, () => {
      for (const item of items) target.push(item);
      return target;
    });
  }
  try {
    return applyBinary(operator, target, value);
  } catch (error) {
    if (!(error instanceof PythonError) || error.type !== 'TypeError') throw error;
    throw typeError(error.message.replace(`type(s) for ${operator}:`, `type(s) for ${operator}=:`));
  }
}

function toNumber(value: boolean | bigint | number): bigint | number {
  return typeof value === 'boolean' ? BigInt(value) : value;
}

function unsupported(operator: BinaryOperator, a: PyValue, b: PyValue): PythonError {
  const name = operator === '**' ? '** or pow()' : operator;
  return typeError(`unsupported operand type(s) for ${name}: '${typeName(a)}' and '${typeName(b)}'`);
}

function applyNumeric(
  operator: BinaryOperator,
  a: bigint | number,
  b: bigint | number,
  originalA: PyValue,
  originalB: PyValue,
): PyValue {
  if (typeof a === 'bigint' && typeof b === 'bigint') return applyInts(operator, a, b, originalA, originalB);
  const x = typeof a === 'bigint' ? intToDouble(a) : a;
  const y = typeof b === 'bigint' ? intToDouble(b) : b;
  switch (operator) {
    case '+':
      return x + y;
    case '-':
      return x - y;
    case '*':
      return x * y;
    case '/':
      if (y === 0) throw new PythonError('ZeroDivisionError', 'float division by zero');
      return x / y;
    case '//':
      if (y === 0) throw new PythonError('ZeroDivisionError', 'float floor division by zero');
      return floorDivide(x, y);
    case '%':
      if (y === 0) throw new PythonError('ZeroDivisionError', 'float modulo');
      return modulo(x, y);
    case '**':
      return powFloats(x, y);
    default:
      throw unsupported(operator, originalA, originalB);
  }
}

function applyInts(operator: BinaryOperator, a: bigint, b: bigint, originalA: PyValue, originalB: PyValue): PyValue {
  switch (operator) {
    case '+':
      return a + b;
    case '-':
      return a - b;
    case '*':
      return checkedInt(bitLength(a) + bitLength(b), () => a * b);
    case '/': {
      if (b === 0n) throw new PythonError('ZeroDivisionError', 'division by zero');
      const quotient = divideToDouble(a, b);
      if (Number.isFinite(quotient)) return quotient;
      throw new PythonError('OverflowError', 'integer division result too large for a float');
    }
    case '//':
      if (b === 0n) throw new PythonError('ZeroDivisionError', 'integer division or modulo by zero');
      return (a - floorRemainder(a, b)) / b;
    case '%':
      if (b === 0n) throw new PythonError('ZeroDivisionError', 'integer modulo by zero');
      return floorRemainder(a, b);
    case '**':
      return powInts(a, b);
    case '<<':
      if (b < 0n) throw new PythonError('ValueError', 'negative shift count');
      return checkedInt(a === 0n ? 0 : bitLength(a) + Number(b), () => a << b);
    case '>>':
      if (b < 0n) throw new PythonError('ValueError', 'negative shift count');
      return a >> b;
    case '&':
    case '|':
    case '^':
      return bitwise(operator, a, b, typeof originalA === 'boolean' && typeof originalB === 'boolean');
    default:
      throw unsupported(operator, originalA, originalB);
  }
}

/** Of two bools these give a bool. */
function bitwise(operator: '&' | '|' | '^', a: bigint, b: bigint, isBoolean: boolean): PyValue {
  const bits = operator === '&' ? a & b : operator === '|' ? a | b : a ^ b;
  return isBoolean ? bits === 1n : bits;
}

function checkedInt(bits: number, compute: () => bigint): bigint {
  if (bits > MAX_INT_BITS) throw tooManyDigits();
  return compute();
}

/** a mod b with the sign of b. */
function floorRemainder(a: bigint, b: bigint): bigint {
  const rest = a % b;
  return rest !== 0n && rest < 0n !== b < 0n ? rest + b : rest;
}

function modulo(x: number, y: number): number {
  const rest = x % y;
  if (rest === 0) return y < 0 || Object.is(y, -0) ? -0 : 0;
  return rest < 0 !== y < 0 ? rest + y : rest;
}

function floorDivide(x: number, y: number): number {
  const rest = x % y;
  let quotient = (x - rest) / y;
  if (rest !== 0 && rest < 0 !== y < 0) quotient -= 1;
  if (quotient === 0) return x / y < 0 || Object.is(x / y, -0) ? -0 : 0;
  const floor = Math.floor(quotient);
  return quotient - floor > 0.5 ? floor + 1 : floor;
}

function powInts(base: bigint, exponent: bigint): PyValue {
  if (exponent < 0n) return powFloats(intToDouble(base), intToDouble(exponent));
  if (base === 0n || base === 1n) return exponent === 0n ? 1n : base;
  if (base === -1n) return exponent % 2n === 0n ? 1n : -1n;
  return checkedInt(bitLength(base) * Number(exponent), () => base ** exponent);
}

/** Python float ** float: a negative base with a fractional exponent gives a complex number. */
function powFloats(base: number, exponent: number): PyValue {
  if (base === 0 && exponent < 0) {
    throw new PythonError('ZeroDivisionError', '0.0 cannot be raised to a negative power');
  }
  if (base < 0 && Number.isFinite(base) && Number.isFinite(exponent) && !Number.isInteger(exponent)) {
    const { real, imaginary } = powNegativeBase(base, exponent);
    if (!Number.isFinite(real) || !Number.isFinite(imaginary)) {
      throw new PythonError('OverflowError', 'complex exponentiation');
    }
    return new PyComplex(real, imaginary);
  }
  const result = powDouble(base, exponent);
  if (!Number.isFinite(result) && Number.isFinite(base) && Number.isFinite(exponent)) {
    throw new PythonError('OverflowError', "(34, 'Numerical result out of range')");
  }
  return result;
}

function isSequence(value: PyValue): value is string | PyValue[] | PyTuple | PyBytes {
  return typeof value === 'string' || Array.isArray(value) || value instanceof PyTuple || value instanceof PyBytes;
}

function concatenate(a: PyValue, b: PyValue): PyValue {
  if (typeof a === 'string') {
    if (typeof b === 'string') return checkedLength(a.length + b.length, () => a + b);
    throw typeError(`can only concatenate str (not "${typeName(b)}") to str`);
  }
  if (Array.isArray(a)) {
    if (Array.isArray(b)) return checkedLength(a.length + b.length, () => [...a, ...b]);
    throw typeError(`can only concatenate list (not "${typeName(b)}") to list`);
  }
  if (a instanceof PyTuple) {
    if (b instanceof PyTuple) return checkedLength(a.items.length + b.items.length, () => joinTuples(a, b));
    throw typeError(`can only concatenate tuple (not "${typeName(b)}") to tuple`);
  }
  if (a instanceof PyBytes) {
    if (b instanceof PyBytes) return new PyBytes(a.latin1 + b.latin1);
    throw typeError(`can't concat ${typeName(b)} to bytes`);
  }
  return applyOther('+', a, b);
}

function joinTuples(a: PyTuple, b: PyTuple): PyTuple {
  return new PyTuple([...a.items, ...b.items]);
}

function checkedLength<T>(length: number, compute: () => T): T {
  if (length > MAX_REPEATED_LENGTH) throw new PythonError('MemoryError', '');
  return compute();
}

function repeat(a: PyValue, b: PyValue): PyValue {
  const [sequence, count] = isSequence(a) ? [a, b] : [b as string | PyValue[] | PyTuple | PyBytes, a];
  if (typeof count !== 'bigint' && typeof count !== 'boolean') {
    throw typeError(`can't multiply sequence by non-int of type '${typeName(count)}'`);
  }
  if (BigInt(count) > MAX_INDEX || BigInt(count) < -MAX_INDEX) {
    throw new PythonError('OverflowError', "cannot fit 'int' into an index-sized integer");
  }
  const times = Math.max(0, Number(count));
  if (typeof sequence === 'string') return checkedLength(sequence.length * times, () => sequence.repeat(times));
  if (sequence instanceof PyBytes) {
    return checkedLength(sequence.latin1.length * times, () => new PyBytes(sequence.latin1.repeat(times)));
  }
  const items = Array.isArray(sequence) ? sequence : sequence.items;
  const repeated = checkedLength(items.length * times, () =>
    Array.from({ length: items.length * times }, (_, index) => items[index % items.length] as PyValue),
  );
  return Array.isArray(sequence) ? repeated : new PyTuple(repeated);
}

/** Complex arithmetic, or the TypeError. */
function applyOther(operator: BinaryOperator, a: PyValue, b: PyValue): PyValue {
  const x = toComplex(a);
  const y = toComplex(b);
  if (x !== undefined && y !== undefined) {
    switch (operator) {
      case '+':
        return new PyComplex(x.real + y.real, x.imaginary + y.imaginary);
      case '-':
        return new PyComplex(x.real - y.real, x.imaginary - y.imaginary);
      case '*':
        return new PyComplex(x.real * y.real - x.imaginary * y.imaginary, x.real * y.imaginary + x.imaginary * y.real);
      case '/':
        return divideComplex(x, y);
      default:
    }
  }
  throw unsupported(operator, a, b);
}

function toComplex(value: PyValue): PyComplex | undefined {
  if (value instanceof PyComplex) return value;
  if (!isNumeric(value)) return undefined;
  return new PyComplex(typeof value === 'number' ? value : intToDouble(BigInt(value)), 0);
}

/** Smith's method, as CPython does it. */
function divideComplex(a: PyComplex, b: PyComplex): PyComplex {
  if (Math.abs(b.real) >= Math.abs(b.imaginary)) {
    if (b.real === 0) throw new PythonError('ZeroDivisionError', 'complex division by zero');
    const ratio = b.imaginary / b.real;
    const denominator = b.real + b.imaginary * ratio;
    return new PyComplex((a.real + a.imaginary * ratio) / denominator, (a.imaginary - a.real * ratio) / denominator);
  }
  const ratio = b.real / b.imaginary;
  const denominator = b.real * ratio + b.imaginary;
  return new PyComplex((a.real * ratio + a.imaginary) / denominator, (a.imaginary * ratio - a.real) / denominator);
}

/** @throws {PythonError} TypeError "bad operand type for unary -: 'str'". */
export function applyUnary(operator: UnaryOperator, value: PyValue): PyValue {
  if (operator === 'not') return !isTruthy(value);
  const number = typeof value === 'boolean' ? BigInt(value) : value;
  if (typeof number === 'bigint') return operator === '-' ? -number : operator === '~' ? ~number : number;
  if (typeof number === 'number' && operator !== '~') return operator === '-' ? -number : number;
  if (number instanceof PyComplex && operator !== '~') {
    return operator === '-' ? new PyComplex(-number.real, -number.imaginary) : number;
  }
  throw typeError(`bad operand type for unary ${operator}: '${typeName(value)}'`);
}

/** @throws {PythonError} TypeError where the operands cannot be ordered or searched. */
export function applyComparison(operator: ComparisonOperator, a: PyValue, b: PyValue): boolean {
  switch (operator) {
    case '==':
      return pyEquals(a, b);
    case '!=':
      return !pyEquals(a, b);
    case 'in':
      return pyContains(b, a);
    case 'not in':
      return !pyContains(b, a);
    case 'is':
      return a === b;
    case 'is not':
      return a !== b;
    default:
      return pyOrder(operator, a, b);
  }
}
