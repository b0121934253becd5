import { integerSqrt } from './fixed-point.js';
import { decomposeDouble, divideEven } from './rational.js';
import { PyObject, PythonError, type PyValue } from './value.js';

/** A finite decimal number (-1)^isNegative * digits * 10^exponent, or a special value by name. */
export class PyDecimal extends PyObject {
  readonly text: string;

  constructor(text: string) {
    super();
    this.text = text;
  }

  get typeName(): string {
    return 'decimal.Decimal';
  }

  repr(): string {
    return `Decimal('${this.text}')`;
  }

  override isEqual(other: PyValue): boolean {
    return other instanceof PyDecimal && other.text === this.text;
  }
}

/** Largest precision that Python's decimal context takes. */
const MAX_PRECISION = 999_999_999_999_999_999n;
/** Digits we are willing to compute; far beyond what a task asks for. */
const MAX_DIGITS = 20_000n;

/**
 * `Decimal(value).sqrt()` under a context of that precision, correctly rounded (half-even); value >= 0 or not finite.
 *
 * @throws {PythonError} ValueError for precisions outside [1, MAX_PREC], MemoryError beyond 20,000 digits.
 */
export function decimalSqrt(value: bigint | number, precision: bigint): PyDecimal {
  if (BigInt.asIntN(64, precision) !== precision) {
    throw new PythonError('OverflowError', 'Python int too large to convert to C ssize_t');
  }
  if (precision < 1n || precision > MAX_PRECISION) {
    throw new PythonError('ValueError', 'valid range for prec is [1, MAX_PREC]');
  }
  if (precision > MAX_DIGITS) throw new PythonError('MemoryError', '');
  if (typeof value === 'number' && !Number.isFinite(value)) {
    return new PyDecimal(Number.isNaN(value) ? 'NaN' : 'Infinity');
  }
  if (value === 0 || value === 0n) return new PyDecimal(Object.is(value, -0) ? '-0' : '0');
  const { coefficient, exponent } = exactDecimal(value);
  return new PyDecimal(squareRootText(coefficient, exponent, Number(precision)));
}

/** The exact decimal value: a double is an integer times a power of two, hence of one half. */
function exactDecimal(value: bigint | number): { coefficient: bigint; exponent: number } {
  if (typeof value === 'bigint') return { coefficient: value, exponent: 0 };
  let { mantissa, exponent } = decomposeDouble(value);
  while (exponent < 0 && (mantissa & 1n) === 0n) {
    mantissa >>= 1n;
    exponent += 1;
  }
  if (exponent >= 0) return { coefficient: mantissa << BigInt(exponent), exponent: 0 };
  return { coefficient: mantissa * 5n ** BigInt(-exponent), exponent };
}

/** The algorithm of Python's `_pydecimal.Decimal.sqrt`. */
function squareRootText(coefficient: bigint, exponent: number, precision: number): string {
  const length = coefficient.toString().length;
  const isOdd = exponent % 2 !== 0;
  let c = isOdd ? coefficient * 10n : coefficient;
  const halfLength = isOdd ? (length >> 1) + 1 : (length + 1) >> 1;
  // Scaled to exactly precision + 1 digits in base 100, so that the root has one digit more than asked for.
  const shift = precision + 1 - halfLength;
  let isExact = true;
  if (shift >= 0) {
    c *= 100n ** BigInt(shift);
  } else {
    const unit = 100n ** BigInt(-shift);
    isExact = c % unit === 0n;
    c /= unit;
  }
  let root = integerSqrt(c);
  let rootExponent = Math.floor(exponent / 2) - shift;
  isExact = isExact && root * root === c;
  if (isExact) {
    // An exact root takes the exponent floor(exponent / 2) and only as many digits as it has.
    root = shift >= 0 ? root / 10n ** BigInt(shift) : root * 10n ** BigInt(-shift);
    rootExponent += shift;
  } else if (root % 5n === 0n) {
    // A last digit other than 0 or 5 keeps the rounding below from seeing an exact number or a tie.
    root += 1n;
  }
  return decimalText(...roundToDigits(root, rootExponent, precision));
}

function roundToDigits(digits: bigint, exponent: number, precision: number): [bigint, number] {
  const excess = digits.toString().length - precision;
  if (excess <= 0) return [digits, exponent];
  const rounded = divideEven(digits, 10n ** BigInt(excess));
  // 999… rounds up to one digit more.
  if (rounded.toString().length > precision) return [rounded / 10n, exponent + excess + 1];
  return [rounded, exponent + excess];
}

/** Python's `str(Decimal)`: to-scientific-string of the General Decimal Arithmetic specification. */
function decimalText(coefficient: bigint, exponent: number): string {
  const digits = coefficient.toString();
  const leftDigits = exponent + digits.length;
  if (exponent <= 0 && leftDigits > -6) {
    if (leftDigits <= 0) return `0.${'0'.repeat(-leftDigits)}${digits}`;
    return exponent === 0 ? digits : `${digits.slice(0, leftDigits)}.${digits.slice(leftDigits)}`;
  }
  const power = leftDigits - 1;
  const mantissa = digits.length === 1 ? digits : `${digits[0]}.${digits.slice(1)}`;
  return `${mantissa}E${power < 0 ? '-' : '+'}${Math.abs(power)}`;
}
