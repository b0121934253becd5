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

const RADIX_PREFIXES: ReadonlyMap<number, string> = new Map([
  [2, 'b'],
  [8, 'o'],
  [16, 'x'],
]);

/**
 * Python `int(text, base)`; base 0 reads the prefix.
 *
 * @throws {PythonError} ValueError.
 */
export function toIntOfBase(text: string, base: number): bigint {
  if (base !== 0 && (base < 2 || base > 36)) {
    throw new PythonError('ValueError', 'int() base must be >= 2 and <= 36, or 0');
  }
  const invalid = () => new PythonError('ValueError', `invalid literal for int() with base ${base}: ${pyRepr(text)}`);
  const match = /^([-+]?)(?:0([box])_?)?([0-9a-z]+(?:_[0-9a-z]+)*)$/.exec(asciiDigits(stripSpaces(text)).toLowerCase());
  if (match === null) throw invalid();
  const [, sign, prefix, body = ''] = match as unknown as [string, string, string | undefined, string];
  const named = [...RADIX_PREFIXES].find(([, letter]) => letter === prefix)?.[0];
  const radix = base === 0 ? (named ?? 10) : base;
  // "0b1" is a number of base 16, too.
  const digits = named === radix || prefix === undefined ? body : `0${prefix}${body}`;
  if (base === 0 && named === undefined && /^0+[1-9a-z]/.test(digits)) throw invalid();
  let value = 0n;
  for (const digit of digits.replaceAll('_', '')) {
    const worth = Number.parseInt(digit, 36);
    if (worth >= radix) throw invalid();
    value = value * BigInt(radix) + BigInt(worth);
  }
  return sign === '-' ? -value : value;
}
