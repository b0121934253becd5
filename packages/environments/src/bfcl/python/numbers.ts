import { decomposeDouble, intToDouble } from './rational.js';
import { pyRepr } from './render.js';
import { asciiDigits, stripSpaces } from './text.js';
import { PythonError, type PyValue, typeError, typeName } from './value.js';

/** What `int()` and `round()` raise for NaN and infinities. */
export function notAnInteger(value: number): PythonError {
  return Number.isNaN(value)
    ? new PythonError('ValueError', 'cannot convert float NaN to integer')
    : new PythonError('OverflowError', 'cannot convert float infinity to integer');
}

const MAX_INT_DIGITS = 4300;

/**
 * Python `int(value)`.
 *
 * @throws {PythonError} ValueError for texts that are no ints, TypeError for other types.
 */
export function toInt(value: PyValue): bigint {
  if (typeof value === 'bigint') return value;
  if (typeof value === 'boolean') return BigInt(value);
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) throw notAnInteger(value);
    const { mantissa, exponent } = decomposeDouble(Math.trunc(value));
    return exponent >= 0 ? mantissa << BigInt(exponent) : mantissa / (1n << BigInt(-exponent));
  }
  if (typeof value !== 'string') {
    throw typeError(`int() argument must be a string, a bytes-like object or a real number, not '${typeName(value)}'`);
  }
  const text = asciiDigits(stripSpaces(value));
  const match = /^([-+]?)(\d+(?:_\d+)*)$/.exec(text);
  if (match === null) {
    throw new PythonError('ValueError', `invalid literal for int() with base 10: ${pyRepr(value)}`);
  }
  const digits = (match[2] as string).replaceAll('_', '');
  if (digits.length > MAX_INT_DIGITS) {
    throw new PythonError(
      'ValueError',
      `Exceeds the limit (${MAX_INT_DIGITS} digits) for integer string conversion: value has ${digits.length} digits; use sys.set_int_max_str_digits() to increase the limit`,
    );
  }
  return match[1] === '-' ? -BigInt(digits) : BigInt(digits);
}

/**
 * Python `float(value)`.
 *
 * @throws {PythonError} ValueError "could not convert string to float: 'x'", TypeError for other types.
 */
export function toFloat(value: PyValue): number {
  if (typeof value === 'number') return value;
  if (typeof value === 'bigint' || typeof value === 'boolean') return intToDouble(BigInt(value));
  if (typeof value !== 'string') {
    throw typeError(`float() argument must be a string or a real number, not '${typeName(value)}'`);
  }
  const text = asciiDigits(stripSpaces(value)).toLowerCase();
  const named = /^([-+]?)(nan|inf|infinity)$/.exec(text);
  if (named !== null) {
    const magnitude = named[2] === 'nan' ? Number.NaN : Number.POSITIVE_INFINITY;
    return named[1] === '-' ? -magnitude : magnitude;
  }
  if (/^[-+]?(\d+(_\d+)*\.?(\d+(_\d+)*)?|\.\d+(_\d+)*)(e[-+]?\d+(_\d+)*)?$/.test(text)) {
    return Number(text.replaceAll('_', ''));
  }
  throw new PythonError('ValueError', `could not convert string to float: ${pyRepr(value)}`);
}
