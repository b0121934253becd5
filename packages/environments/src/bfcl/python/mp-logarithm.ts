import { type BigFloat, bigLog, fixedLn2, fixedPi, roundToBits } from './fixed-point.js';
import { bitLength, decomposeDouble, intToDouble, roundDouble } from './rational.js';
import { pyRepr } from './render.js';
import { stripSpaces } from './text.js';
import { isNumeric, PyObject, PythonError, type PyValue, typeError } from './value.js';

/** A number of mpmath as it prints at the precision it was made with. */
export class PyMpNumber extends PyObject {
  readonly #type: 'mpf' | 'mpc';
  readonly #text: string;

  constructor(type: 'mpf' | 'mpc', text: string) {
    super();
    this.#type = type;
    this.#text = text;
  }

  get typeName(): string {
    return this.#type;
  }

  repr(): string {
    return this.#text;
  }

  override isEqual(other: PyValue): boolean {
    return other instanceof PyMpNumber && other.#text === this.#text;
  }
}

/** log2(10), as mpmath spells it. */
const BITS_PER_DIGIT = 3.3219280948873626;
/** Bits beyond which we stop computing: 4,000 decimal digits. */
const MAX_BITS = 13_300;

type MpReal = BigFloat | 'inf' | '-inf' | 'nan';
interface MpComplex {
  readonly real: MpReal;
  readonly imaginary: MpReal;
}

const ZERO: BigFloat = { mantissa: 0n, exponent: 0 };

/**
 * `mpmath.log(value) / mpmath.log(base)` with `mp.dps = digits`: both logarithms and the quotient rounded to the working
 * precision. Negative values give complex logarithms.
 *
 * @throws {PythonError} for what mpmath does not take, and ZeroDivisionError (with an empty text) for base 1.
 */
export function mpLogarithm(value: PyValue, base: PyValue, digits: bigint): PyMpNumber {
  const bits = precisionBits(digits);
  if (bits > MAX_BITS) {
    // Beyond our limit only what cannot be converted fails as there.
    toReal(value, MAX_BITS);
    toReal(base, MAX_BITS);
    throw new PythonError('MemoryError', '');
  }
  const top = logarithm(toReal(value, bits), bits);
  const bottom = logarithm(toReal(base, bits), bits);
  if (isComplex(top)) {
    return showComplex(isComplex(bottom) ? divideComplex(top, bottom, bits) : divideByReal(top, bottom, bits), bits);
  }
  if (isComplex(bottom)) return showComplex(divideRealByComplex(top, bottom, bits), bits);
  return new PyMpNumber('mpf', `mpf('${realText(divide(top, bottom, bits), bits)}')`);
}

function isComplex(value: MpReal | MpComplex): value is MpComplex {
  return typeof value !== 'string' && 'real' in value;
}

function precisionBits(digits: bigint): number {
  return Math.max(1, roundDouble(intToDouble(digits + 1n) * BITS_PER_DIGIT, 0));
}

/** mpmath's `convert`, without complex numbers. */
function toReal(value: PyValue, bits: number): MpReal {
  if (typeof value === 'number') {
    if (Number.isNaN(value)) return 'nan';
    if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf';
    return decomposeDouble(value);
  }
  if (isNumeric(value)) return { mantissa: BigInt(value), exponent: 0 };
  const parsed = typeof value === 'string' ? parseReal(value, bits) : undefined;
  if (parsed === undefined) throw typeError(`cannot create mpf from ${pyRepr(value)}`);
  return parsed;
}

const MAX_TEXT_EXPONENT = 20_000;

/** Decimal literals and fractions, rounded to the working precision; undefined for other texts. */
function parseReal(text: string, bits: number): MpReal | undefined {
  const literal = stripSpaces(text.toLowerCase());
  if (literal === 'inf' || literal === '+inf') return 'inf';
  if (literal === '-inf' || literal === 'nan') return literal;
  const fraction = /^([-+]?\d+)l?\/([-+]?\d+)l?$/.exec(literal);
  if (fraction !== null) {
    const denominator = BigInt(fraction[2] as string);
    if (denominator === 0n) throw new PythonError('ZeroDivisionError', '');
    return quotient(BigInt(fraction[1] as string), denominator, 0, bits);
  }
  const match = /^([-+]?)(\d*)(?:\.(\d*))?(?:e([-+]?\d+))?$/.exec(literal);
  if (match === null) return undefined;
  const [, sign, integer = '', decimals = '', exponentText = '0'] = match;
  if (integer === '' && decimals === '') return undefined;
  const magnitude = BigInt(integer + decimals);
  const mantissa = sign === '-' ? -magnitude : magnitude;
  const exponent = Number(exponentText) - decimals.length;
  if (Math.abs(exponent) > MAX_TEXT_EXPONENT) throw new PythonError('MemoryError', '');
  return exponent >= 0
    ? roundToBits({ mantissa: mantissa * 10n ** BigInt(exponent), exponent: 0 }, bits)
    : quotient(mantissa, 10n ** BigInt(-exponent), 0, bits);
}

/** top / bottom * 2^exponent, rounded to `bits` bits, nearest even. */
function quotient(top: bigint, bottom: bigint, exponent: number, bits: number): BigFloat {
  if (top === 0n) return ZERO;
  const isNegative = top < 0n !== bottom < 0n;
  const numerator = top < 0n ? -top : top;
  const denominator = bottom < 0n ? -bottom : bottom;
  const shift = Math.max(0, bits + 2 - (bitLength(numerator) - bitLength(denominator)));
  const scaled = numerator << BigInt(shift);
  // Two bits more than asked for, and a sticky bit below them, decide every rounding.
  const exact = ((scaled / denominator) << 1n) | (scaled % denominator === 0n ? 0n : 1n);
  return roundToBits({ mantissa: isNegative ? -exact : exact, exponent: exponent - shift - 1 }, bits);
}

function logarithm(value: MpReal, bits: number): MpReal | MpComplex {
  if (value === 'inf' || value === 'nan') return value;
  const pi = () => roundToBits({ mantissa: fixedPi(bits + 40), exponent: -bits - 40 }, bits);
  if (value === '-inf') return { real: 'inf', imaginary: pi() };
  if (value.mantissa === 0n) return '-inf';
  if (value.mantissa > 0n) return roundedLog(value, bits);
  return { real: roundedLog({ mantissa: -value.mantissa, exponent: value.exponent }, bits), imaginary: pi() };
}

/** Working precision up to which mpmath uses its cached Taylor series. */
const TAYLOR_BITS = 2500;
/** The series starts from logarithms of multiples of 2^-9. */
const TAYLOR_SHIFT = 9;

/**
 * mpmath's `mpf_log` of a positive number. It keeps only 20 guard bits, which near 1 (where log(1 + t) is almost a tie
 * between two results) shows in the last digit; so its series is followed step by step where it is used.
 */
function roundedLog(value: BigFloat, bits: number): BigFloat {
  const { mantissa, exponent } = withoutTrailingZeros(value);
  let wide = bits + 20;
  if (mantissa === 1n) {
    return roundToBits({ mantissa: BigInt(exponent) * fixedLn2(wide), exponent: -wide }, bits);
  }
  const length = bitLength(mantissa);
  const magnitude = exponent + length;
  if (Math.abs(magnitude) <= 1) {
    const one = 1n << BigInt(magnitude === 0 ? length : length - 1);
    const distance = magnitude === 0 ? one - mantissa : mantissa - one;
    wide += length - bitLength(distance);
  }
  if (wide > TAYLOR_BITS || Math.abs(magnitude) > 10_000) return roundToBits(bigLog(value, bits + 40), bits);
  const shift = wide - length;
  const scaled = shift >= 0 ? mantissa << BigInt(shift) : mantissa >> BigInt(-shift);
  const log = taylorLog(scaled, wide) + BigInt(magnitude) * fixedLn2(wide);
  return roundToBits({ mantissa: log, exponent: -wide }, bits);
}

function withoutTrailingZeros({ mantissa, exponent }: BigFloat): BigFloat {
  const zeros = bitLength(mantissa & -mantissa) - 1;
  return { mantissa: mantissa >> BigInt(zeros), exponent: exponent + zeros };
}

const startLogs = new Map<string, bigint>();

/** log of a multiple n of 2^-9, cut down to `bits` fraction bits. */
function startLog(n: bigint, bits: number): bigint {
  const key = `${n}:${bits}`;
  let log = startLogs.get(key);
  if (log === undefined) {
    const { mantissa, exponent } = bigLog({ mantissa: n, exponent: -TAYLOR_SHIFT }, bits + 20);
    const shift = exponent + bits;
    log = shift >= 0 ? mantissa << BigInt(shift) : mantissa >> BigInt(-shift);
    if (startLogs.size >= 2048) startLogs.clear();
    startLogs.set(key, log);
  }
  return log;
}

/** mpmath's `log_taylor_cached`: fixed-point logarithm of x in [0.5, 1), every cut where mpmath cuts. */
function taylorLog(x: bigint, bits: number): bigint {
  const fraction = BigInt(bits);
  const n = x >> BigInt(bits - TAYLOR_SHIFT);
  const cachedBits = Math.min(2 ** Math.ceil(Math.log2(bits)), TAYLOR_BITS) + 20;
  const start = n << BigInt(bits - TAYLOR_SHIFT);
  const startValue = startLog(n, cachedBits) >> BigInt(cachedBits - bits);
  const u = ((x - start) << fraction) / start;
  let power = (u << fraction) / ((2n << fraction) + u);
  const square = (power * power) >> fraction;
  const fourth = (square * square) >> fraction;
  let even = power;
  let odd = power / 3n;
  power = (power * fourth) >> fraction;
  for (let k = 5n; power !== 0n; k += 4n) {
    even += power / k;
    odd += power / (k + 2n);
    power = (power * fourth) >> fraction;
  }
  return startValue + ((even + ((odd * square) >> fraction)) << 1n);
}

/** mpf_div: 0/0 and x/0 raise. */
function divide(top: MpReal, bottom: MpReal, bits: number): MpReal {
  const isSpecialTop = typeof top === 'string';
  if (!isSpecialTop && top.mantissa === 0n) {
    if (bottom === 'nan') return 'nan';
    if (typeof bottom !== 'string' && bottom.mantissa === 0n) throw new PythonError('ZeroDivisionError', '');
    return ZERO;
  }
  if (typeof bottom === 'string') return isSpecialTop || bottom === 'nan' ? 'nan' : ZERO;
  if (bottom.mantissa === 0n) throw new PythonError('ZeroDivisionError', '');
  if (!isSpecialTop) return quotient(top.mantissa, bottom.mantissa, top.exponent - bottom.exponent, bits);
  if (top === 'nan') return 'nan';
  return (top === 'inf') === bottom.mantissa > 0n ? 'inf' : '-inf';
}

function divideByReal(top: MpComplex, bottom: MpReal, bits: number): MpComplex {
  return { real: divide(top.real, bottom, bits), imaginary: divide(top.imaginary, bottom, bits) };
}

/** (a + bi) / (c + di) = (ac + bd + (bc - ad)i) / (cc + dd), the sums truncated to ten bits more, as mpc_div does. */
function divideComplex(top: MpComplex, bottom: MpComplex, bits: number): MpComplex {
  const { real: a, imaginary: b } = top;
  const { real: c, imaginary: d } = bottom;
  const wide = bits + 10;
  const magnitude = addTruncated(multiply(c, c), multiply(d, d), wide);
  const real = addTruncated(multiply(a, c), multiply(b, d), wide);
  const imaginary = addTruncated(multiply(b, c), negate(multiply(a, d)), wide);
  return { real: divide(real, magnitude, bits), imaginary: divide(imaginary, magnitude, bits) };
}

function divideRealByComplex(top: MpReal, bottom: MpComplex, bits: number): MpComplex {
  const { real: a, imaginary: b } = bottom;
  const magnitude = addTruncated(multiply(a, a), multiply(b, b), bits + 10);
  return {
    real: divide(multiply(a, top), magnitude, bits),
    imaginary: divide(negate(multiply(b, top)), magnitude, bits),
  };
}

function multiply(a: MpReal, b: MpReal): MpReal {
  if (typeof a !== 'string' && typeof b !== 'string') {
    return { mantissa: a.mantissa * b.mantissa, exponent: a.exponent + b.exponent };
  }
  const sign = signOf(a) * signOf(b);
  if (Number.isNaN(sign) || sign === 0) return 'nan';
  return sign > 0 ? 'inf' : '-inf';
}

/** -1, 0, 1, or NaN. */
function signOf(value: MpReal): number {
  if (value === 'nan') return Number.NaN;
  if (value === 'inf') return 1;
  if (value === '-inf') return -1;
  return value.mantissa === 0n ? 0 : value.mantissa > 0n ? 1 : -1;
}

function negate(value: MpReal): MpReal {
  if (value === 'nan') return value;
  if (value === 'inf') return '-inf';
  if (value === '-inf') return 'inf';
  return { mantissa: -value.mantissa, exponent: value.exponent };
}

/** a + b, cut off toward zero at `bits` bits. */
function addTruncated(a: MpReal, b: MpReal, bits: number): MpReal {
  if (typeof a === 'string' || typeof b === 'string') {
    if (typeof a === 'string' && typeof b === 'string') return a === b ? a : 'nan';
    return typeof a === 'string' ? a : b;
  }
  const exponent = Math.min(a.exponent, b.exponent);
  const sum = (a.mantissa << BigInt(a.exponent - exponent)) + (b.mantissa << BigInt(b.exponent - exponent));
  const drop = bitLength(sum) - bits;
  if (drop <= 0) return { mantissa: sum, exponent };
  // BigInt division truncates toward zero, a shift would not.
  return { mantissa: sum / (1n << BigInt(drop)), exponent: exponent + drop };
}

function showComplex({ real, imaginary }: MpComplex, bits: number): PyMpNumber {
  return new PyMpNumber('mpc', `mpc(real='${realText(real, bits)}', imag='${realText(imaginary, bits)}')`);
}

/** Digits that identify a number of that precision (mpmath's repr_dps). */
function reprDigits(bits: number): number {
  const digits = Math.max(1, roundDouble(bits / BITS_PER_DIGIT, 0) - 1);
  return digits === 15 ? 17 : digits + 3;
}

function realText(value: MpReal, bits: number): string {
  if (value === 'inf') return '+inf';
  if (typeof value === 'string') return value;
  if (value.mantissa === 0n) return '0.0';
  const sign = value.mantissa < 0n ? '-' : '';
  const magnitude = { mantissa: value.mantissa < 0n ? -value.mantissa : value.mantissa, exponent: value.exponent };
  return sign + magnitudeText(magnitude, reprDigits(bits));
}

/** mpmath's `to_str`: digits cut off three places further, then rounded half up on the next digit. */
function magnitudeText(value: BigFloat, count: number): string {
  const { digits: all, exponent: leading } = decimalDigits(value, count + 3);
  let exponent = leading;
  let digits = all.slice(0, count);
  if (all.length > count && (all[count] as string) >= '5') {
    digits = (BigInt(digits) + 1n).toString();
    if (digits.length > count) {
      digits = digits.slice(0, count);
      exponent += 1;
    }
  }
  const isFixed = exponent > Math.min(-Math.floor(count / 3), -5) && exponent < count;
  let split = 1;
  if (isFixed && exponent < 0) digits = '0'.repeat(-exponent) + digits;
  else if (isFixed) split = exponent + 1;
  const padded = digits.padEnd(split, '0');
  const plain = `${padded.slice(0, split)}.${padded.slice(split)}`.replace(/0+$/, '').replace(/\.$/, '.0');
  if (isFixed || exponent === 0) return plain;
  return `${plain}e${exponent < 0 ? '-' : '+'}${Math.abs(exponent)}`;
}

/** At least `count` leading decimal digits, cut off, as mpmath's `to_digits_exp` finds them. */
function decimalDigits({ mantissa, exponent }: BigFloat, count: number): { digits: string; exponent: number } {
  const bits = Math.floor(count * BITS_PER_DIGIT) + 10;
  const fractionBits = Math.max(bits - exponent - bitLength(mantissa), 0);
  const fractionDigits = Math.floor(fractionBits / BITS_PER_DIGIT + 0.5);
  const shift = exponent + fractionBits;
  const fixed = shift >= 0 ? mantissa << BigInt(shift) : mantissa >> BigInt(-shift);
  const digits = ((fixed * 10n ** BigInt(fractionDigits)) >> BigInt(fractionBits)).toString();
  return { digits, exponent: digits.length - fractionDigits - 1 };
}
