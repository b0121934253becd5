import { type BigFloat, bigExp, bigLog, fixedCosSin, fixedPi } from './fixed-point.js';
import { bitLength, decomposeDouble, scaleToDouble } from './rational.js';

/**
 * Bits of the intermediate values. CPython calls the C library, whose pow, cos and sin are within 0.52 ULP; V8's own are
 * within about 1 ULP and visibly differ (1.1 ** 10). The correctly rounded result is the closest portable stand-in.
 */
const BITS = 192;

/** C `pow(base, exponent)`, correctly rounded; overflow is an infinity. */
export function powDouble(base: number, exponent: number): number {
  if (base === 1 || exponent === 0) return 1;
  if (base === 0 || !Number.isFinite(base) || !Number.isFinite(exponent)) return base ** exponent;
  const isNegative = base < 0;
  if (isNegative && !Number.isInteger(exponent)) return Number.NaN;
  const magnitude = powPositive(Math.abs(base), exponent);
  return isNegative && exponent % 2 !== 0 ? -magnitude : magnitude;
}

function powPositive(base: number, exponent: number): number {
  if (base === 1) return 1;
  const { mantissa, exponent: scale } = decomposeDouble(base);
  // Exact powers can lie exactly between two doubles, which no approximation decides; 64 factors cover all such cases.
  if (Number.isInteger(exponent) && exponent > 0 && exponent <= 64) {
    return scaleToDouble(mantissa ** BigInt(exponent), scale * exponent);
  }
  const log = bigLog({ mantissa, exponent: scale }, BITS);
  const factor = decomposeDouble(exponent);
  const product: BigFloat = { mantissa: log.mantissa * factor.mantissa, exponent: log.exponent + factor.exponent };
  const size = bitLength(product.mantissa) + product.exponent;
  if (size > 11) return product.mantissa > 0n ? Number.POSITIVE_INFINITY : 0;
  const result = bigExp(toFixed(product, BITS), BITS);
  return scaleToDouble(result.mantissa, result.exponent);
}

function toFixed(value: BigFloat, bits: number): bigint {
  const shift = value.exponent + bits;
  return shift >= 0 ? value.mantissa << BigInt(shift) : value.mantissa >> BigInt(-shift);
}

/** Python's complex result of a negative float to a fractional power: |base|^exponent at the angle pi * exponent. */
export function powNegativeBase(base: number, exponent: number): { real: number; imaginary: number } {
  const length = powDouble(-base, exponent);
  const { cos, sin } = cosSinDouble(Math.PI * exponent);
  return { real: length * cos, imaginary: length * sin };
}

/** Cosine and sine of a finite double, correctly rounded. */
function cosSinDouble(angle: number): { cos: number; sin: number } {
  // Within 2^-120 of the truth there, while fixed point would run out of digits.
  if (Math.abs(angle) < 2 ** -60) return { cos: 1, sin: angle };
  const { mantissa, exponent } = decomposeDouble(Math.abs(angle));
  // The reduction by pi/2 loses as many bits as the quotient has.
  const bits = BITS + Math.max(0, exponent + 64);
  const fixed = toFixed({ mantissa, exponent }, bits);
  const quarter = fixedPi(bits) >> 1n;
  const quadrant = Number((fixed / quarter) % 4n);
  const rest = (fixed % quarter) >> BigInt(bits - BITS);
  const { cos, sin } = fixedCosSin(rest, BITS);
  const rotated = [
    { cos, sin },
    { cos: -sin, sin: cos },
    { cos: -cos, sin: -sin },
    { cos: sin, sin: -cos },
  ][quadrant] as { cos: bigint; sin: bigint };
  return { cos: fixedToDouble(rotated.cos), sin: fixedToDouble(angle < 0 ? -rotated.sin : rotated.sin) };
}

function fixedToDouble(value: bigint): number {
  const magnitude = scaleToDouble(value < 0n ? -value : value, -BITS);
  return value < 0n ? -magnitude : magnitude;
}
