import { JinjaFailure } from './jinja-error.js';

/** Python's `repr(float)`: the shortest digits that read back the same; `1.0`, `1e-07`, `1e+16`, `inf`, `nan`. */
export function floatRepr(value: number): string {
  if (Number.isNaN(value)) return 'nan';
  if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf';
  const sign = value < 0 || Object.is(value, -0) ? '-' : '';
  const [mantissa = '', exponentText = '0'] = Math.abs(value).toExponential().split('e');
  const exponent = Number(exponentText);
  const digits = mantissa.replace('.', '');
  if (exponent < -4 || exponent >= 16) return `${sign}${mantissa}e${exponentParts(exponent)}`;
  if (exponent < 0) return `${sign}0.${'0'.repeat(-exponent - 1)}${digits}`;
  const whole = digits.slice(0, exponent + 1).padEnd(exponent + 1, '0');
  return `${sign}${whole}.${digits.slice(exponent + 1) || '0'}`;
}

/** `+16`, `-07`: at least two digits. */
function exponentParts(exponent: number): string {
  return `${exponent < 0 ? '-' : '+'}${String(Math.abs(exponent)).padStart(2, '0')}`;
}

/** Digits of a finite number rounded half to even at a decimal place (0 to 100), as C's printf does on the exact value. */
export function toFixedHalfEven(value: number, places: number): string {
  const sign = value < 0 || Object.is(value, -0) ? '-' : '';
  const [numerator, denominator] = exactFraction(Math.abs(value));
  const scaled = numerator * 10n ** BigInt(places);
  const digits = divideHalfEven(scaled, denominator)
    .toString()
    .padStart(places + 1, '0');
  return sign + (places === 0 ? digits : `${digits.slice(0, -places)}.${digits.slice(-places)}`);
}

/** Quotient of two non-negative integers, the even one of two that are equally near. */
export function divideHalfEven(numerator: bigint, denominator: bigint): bigint {
  const quotient = numerator / denominator;
  const twice = 2n * (numerator % denominator);
  const isUp = twice > denominator || (twice === denominator && quotient % 2n === 1n);
  return isUp ? quotient + 1n : quotient;
}

/** The exact value of a finite non-negative double. */
function exactFraction(value: number): [bigint, bigint] {
  if (value === 0) return [0n, 1n];
  let exponent = Math.max(Math.floor(Math.log2(value)) - 52, -1074);
  let mantissa = exponent < -1022 ? value * 2 ** 1022 * 2 ** (-exponent - 1022) : value / 2 ** exponent;
  while (!Number.isInteger(mantissa)) {
    mantissa *= 2;
    exponent -= 1;
  }
  return exponent >= 0 ? [BigInt(mantissa) << BigInt(exponent), 1n] : [BigInt(mantissa), 1n << BigInt(-exponent)];
}

/** `%e`: one digit, a point, `places` digits, the exponent. */
export function toExponent(value: number, places: number): string {
  const [mantissa = '', exponent = '0'] = value.toExponential(Math.min(places, 100)).split('e');
  return `${Object.is(value, -0) ? '-' : ''}${mantissa}e${exponentParts(Number(exponent))}`;
}

/** `%g`: significant digits, trailing zeros dropped unless `isAlternate`. */
export function toGeneral(value: number, precision: number, isAlternate = false): string {
  const significant = Math.max(1, Math.min(precision, 100));
  const exponent = value === 0 ? 0 : Number(value.toExponential(significant - 1).split('e')[1]);
  const isPlain = exponent >= -4 && exponent < significant;
  const text = isPlain ? toFixedHalfEven(value, significant - 1 - exponent) : toExponent(value, significant - 1);
  if (isAlternate || !text.includes('.')) return text;
  const [mantissa = '', rest] = text.split('e');
  const trimmed = mantissa.replace(/0+$/, '').replace(/\.$/, '');
  return rest === undefined ? trimmed : `${trimmed}e${rest}`;
}

/** Python's `round(float, places)`, `places` possibly negative. */
export function roundFloat(value: number, places: number): number {
  if (!Number.isFinite(value) || places > 320) return value;
  if (places < -310) return 0 * value;
  if (places >= 0) return Number(toFixedHalfEven(value, Math.min(places, 330)));
  const unit = 10n ** BigInt(-places);
  const [numerator, denominator] = exactFraction(Math.abs(value));
  return Math.sign(value) * Number(divideHalfEven(numerator, denominator * unit) * unit);
}

/** Floor division and the remainder that goes with it: the sign is the divisor's. */
export function floorDivide(left: bigint, right: bigint): bigint {
  const quotient = left / right;
  return left % right !== 0n && left < 0n !== right < 0n ? quotient - 1n : quotient;
}

export function floorModulo(left: number, right: number): number {
  const rest = left % right;
  if (rest === 0) return right < 0 ? -0 : 0;
  return rest < 0 !== right < 0 ? rest + right : rest;
}

const INTEGER_TEXT = /^[+-]?\d+(?:_\d+)*$/;
const FLOAT_TEXT = /^[+-]?(?:(?:\d+(?:_\d+)*)?\.?\d+(?:_\d+)*|\d+(?:_\d+)*\.)(?:e[+-]?\d+(?:_\d+)*)?$/i;
const DIGITS = '0123456789abcdefghijklmnopqrstuvwxyz';

/** Python's `int(text, base)`; undefined where that raises ValueError. */
export function parseInteger(text: string, base = 10): bigint | undefined {
  const plain = text.toLowerCase();
  if (plain.length > 4300) throw new JinjaFailure('value', 'expected at most 4300 digits of an int');
  if (base === 10) return INTEGER_TEXT.test(plain) ? BigInt(plain.replaceAll('_', '').replace('+', '')) : undefined;
  const prefix = /^([+-]?)(0[box])?_?([0-9a-z]+(?:_[0-9a-z]+)*)$/.exec(plain);
  if (!prefix) return undefined;
  const prefixBase = { '0b': 2, '0o': 8, '0x': 16 }[prefix[2] as '0b' | '0o' | '0x'] as number | undefined;
  const radix = base === 0 ? (prefixBase ?? 10) : base;
  const digits = prefixBase !== undefined && prefixBase !== radix ? (prefix[2] ?? '') + prefix[3]! : prefix[3]!;
  let value = 0n;
  for (const digit of digits.replaceAll('_', '')) {
    const worth = DIGITS.indexOf(digit);
    if (worth < 0 || worth >= radix) return undefined;
    value = value * BigInt(radix) + BigInt(worth);
  }
  return prefix[1] === '-' ? -value : value;
}

/** Python's `float(text)`; undefined where that raises ValueError. */
export function parseFloatText(text: string): number | undefined {
  const word = /^([+-]?)(inf|infinity|nan)$/i.exec(text);
  if (word) {
    const value = word[2]!.toLowerCase() === 'nan' ? Number.NaN : Number.POSITIVE_INFINITY;
    return word[1] === '-' ? -value : value;
  }
  return FLOAT_TEXT.test(text) ? Number(text.replaceAll('_', '')) : undefined;
}
