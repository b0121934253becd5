import { decimalInteger, decomposeDouble, formatFixed } from './rational.js';

/** Significant decimal digits of a double, exactly rounded (ties to even), and the exponent of the first. */
function significantDigits(magnitude: number, count: number): { digits: string; exponent: number } {
  if (magnitude === 0) return { digits: '0'.repeat(count), exponent: 0 };
  const { mantissa, exponent: binary } = decomposeDouble(magnitude);
  const guess = Number(magnitude.toExponential().split('e')[1]);
  for (let exponent = guess - 1; ; exponent++) {
    const digits = decimalInteger(mantissa, binary, count - 1 - exponent).toString();
    if (digits.length === count) return { digits, exponent };
  }
}

/** The magnitude in scientific notation: C's `%.{precision}e`. */
export function scientificText(magnitude: number, precision: number, keepsPoint = false): string {
  const { digits, exponent } = significantDigits(magnitude, precision + 1);
  return withExponent(digits, exponent, keepsPoint);
}

function withExponent(digits: string, exponent: number, keepsPoint: boolean): string {
  const fraction = digits.slice(1);
  const point = fraction !== '' || keepsPoint ? '.' : '';
  const size = String(Math.abs(exponent)).padStart(2, '0');
  return `${digits[0]}${point}${fraction}e${exponent < 0 ? '-' : '+'}${size}`;
}

/** The magnitude in plain notation: C's `%.{precision}f`. */
export function fixedText(magnitude: number, precision: number, keepsPoint = false): string {
  return `${formatFixed(magnitude, precision)}${precision === 0 && keepsPoint ? '.' : ''}`;
}

/**
 * The magnitude in whichever is shorter: C's `%.{precision}g`, or `format(x, '.3')` where `keepsFraction` asks for at least
 * one decimal in plain notation.
 *
 * @param isAlternate - keep trailing zeros and the point.
 */
export function generalText(magnitude: number, precision: number, isAlternate = false, keepsFraction = false): string {
  const count = Math.max(precision, 1);
  const { digits, exponent } = significantDigits(magnitude, count);
  const significant = isAlternate ? digits : digits.replace(/0+$/, '') || '0';
  if (exponent < -4 || exponent >= count - (keepsFraction ? 1 : 0)) {
    return withExponent(significant, exponent, isAlternate);
  }
  if (exponent < 0) return `0.${'0'.repeat(-exponent - 1)}${significant}`;
  const whole = significant.slice(0, exponent + 1).padEnd(exponent + 1, '0');
  const fraction = significant.slice(exponent + 1);
  if (fraction !== '') return `${whole}.${fraction}`;
  return isAlternate ? `${whole}.` : keepsFraction ? `${whole}.0` : whole;
}
