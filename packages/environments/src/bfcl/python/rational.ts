import { PythonError } from './value.js';

const doubleView = new DataView(new ArrayBuffer(8));

/** The exact value of a finite double as mantissa * 2^exponent. */
export function decomposeDouble(value: number): { mantissa: bigint; exponent: number } {
  doubleView.setFloat64(0, value);
  const bits = doubleView.getBigUint64(0);
  const biased = Number((bits >> 52n) & 0x7ffn);
  const fraction = bits & 0xfffffffffffffn;
  const magnitude = biased === 0 ? fraction : fraction | 0x10000000000000n;
  return { mantissa: bits >> 63n === 0n ? magnitude : -magnitude, exponent: (biased === 0 ? 1 : biased) - 1075 };
}

/** Number of bits of |value|; 0 for zero. */
export function bitLength(value: bigint): number {
  const magnitude = value < 0n ? -value : value;
  if (magnitude === 0n) return 0;
  const hex = magnitude.toString(16);
  return hex.length * 4 - (Math.clz32(Number.parseInt(hex[0] as string, 16)) - 28);
}

/** value / 2^shift (or times, for negative shifts), nearest, ties to even. */
export function shiftRightEven(value: bigint, shift: number): bigint {
  if (shift <= 0) return value << BigInt(-shift);
  const amount = BigInt(shift);
  const floor = value >> amount;
  const rest = value - (floor << amount);
  const half = 1n << (amount - 1n);
  return rest > half || (rest === half && (floor & 1n) === 1n) ? floor + 1n : floor;
}

/** numerator / denominator, nearest, ties to even; denominator > 0. */
export function divideEven(numerator: bigint, denominator: bigint): bigint {
  let floor = numerator / denominator;
  let rest = numerator % denominator;
  if (rest < 0n) {
    floor -= 1n;
    rest += denominator;
  }
  const twice = rest * 2n;
  return twice > denominator || (twice === denominator && (floor & 1n) === 1n) ? floor + 1n : floor;
}

/**
 * The double nearest to numerator / denominator (ties to even), as Python divides two ints; denominator not 0.
 * Infinity where the quotient is too large.
 */
export function divideToDouble(numerator: bigint, denominator: bigint): number {
  if (numerator === 0n) return denominator < 0n ? -0 : 0;
  const isNegative = numerator < 0n !== denominator < 0n;
  const top = numerator < 0n ? -numerator : numerator;
  const bottom = denominator < 0n ? -denominator : denominator;
  // 64 quotient bits plus a sticky bit decide the rounding to 53 bits; subnormals get fewer bits from scaleDouble.
  const shift = 65 - (bitLength(top) - bitLength(bottom));
  const scaledTop = shift > 0 ? top << BigInt(shift) : top;
  const scaledBottom = shift < 0 ? bottom << BigInt(-shift) : bottom;
  const quotient = (scaledTop / scaledBottom) | (scaledTop % scaledBottom === 0n ? 0n : 1n);
  const result = scaleToDouble(quotient, -shift);
  return isNegative ? -result : result;
}

/** The double nearest to mantissa * 2^exponent, ties to even; mantissa >= 0. */
export function scaleToDouble(mantissa: bigint, exponent: number): number {
  if (mantissa === 0n) return 0;
  const bits = bitLength(mantissa);
  const topExponent = bits + exponent;
  if (topExponent > 1025) return Number.POSITIVE_INFINITY;
  // The last bit of a double is worth at least 2^-1074.
  const drop = Math.max(bits - 53, -1074 - exponent);
  const rounded = drop > 0 ? shiftRightEven(mantissa, drop) : mantissa;
  const lastBit = exponent + Math.max(drop, 0);
  const result = Number(rounded);
  // In two exact steps where 2^lastBit alone may be outside the range of a double.
  if (lastBit > 900) return result * 2 ** 900 * 2 ** (lastBit - 900);
  if (lastBit < -900) return result * 2 ** -500 * 2 ** (lastBit + 500);
  return result * 2 ** lastBit;
}

/**
 * An int as float, nearest, ties to even.
 *
 * @throws {PythonError} OverflowError beyond the range of a double.
 */
export function intToDouble(value: bigint): number {
  const result = Number(value);
  if (!Number.isFinite(result)) throw new PythonError('OverflowError', 'int too large to convert to float');
  return result;
}

/**
 * Python `round(value, digits)` of a float: exact decimal rounding, ties to even.
 *
 * @throws {PythonError} OverflowError where rounding up leaves the range.
 */
export function roundDouble(value: number, digits: number): number {
  if (!Number.isFinite(value)) return value;
  // Beyond these bounds every double is already rounded, or rounds to zero (float_round in CPython).
  if (digits > 323) return value;
  if (digits < -308) return value < 0 || Object.is(value, -0) ? -0 : 0;
  const { mantissa, exponent } = decomposeDouble(value);
  const scaled = decimalInteger(mantissa < 0n ? -mantissa : mantissa, exponent, digits);
  const result = Number(`${scaled}e${-digits}`);
  if (!Number.isFinite(result)) throw new PythonError('OverflowError', 'rounded value too large to represent');
  return value < 0 || Object.is(value, -0) ? -result : result;
}

/** round(mantissa * 2^exponent * 10^digits), ties to even; mantissa >= 0. */
export function decimalInteger(mantissa: bigint, exponent: number, digits: number): bigint {
  let numerator = mantissa;
  let denominator = 1n;
  if (exponent >= 0) numerator <<= BigInt(exponent);
  else denominator <<= BigInt(-exponent);
  if (digits >= 0) numerator *= 10n ** BigInt(digits);
  else denominator *= 10n ** BigInt(-digits);
  return divideEven(numerator, denominator);
}

/** Python `'%.2f' % value` for a finite value and any number of digits. */
export function formatFixed(value: number, digits: number): string {
  const { mantissa, exponent } = decomposeDouble(value);
  const isNegative = mantissa < 0n || Object.is(value, -0);
  const scaled = decimalInteger(mantissa < 0n ? -mantissa : mantissa, exponent, digits);
  const text = scaled.toString().padStart(digits + 1, '0');
  const fixed = digits === 0 ? text : `${text.slice(0, -digits)}.${text.slice(-digits)}`;
  return isNegative ? `-${fixed}` : fixed;
}

/** Python `round(value, digits)` of an int: unchanged for digits >= 0, else to tens, hundreds, …, ties to even. */
export function roundInt(value: bigint, digits: bigint): bigint {
  if (digits >= 0n) return value;
  const places = -digits;
  if (places > BigInt(value.toString().length + 1)) return 0n;
  const unit = 10n ** places;
  return divideEven(value, unit) * unit;
}
