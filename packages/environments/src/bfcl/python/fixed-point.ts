import { bitLength, shiftRightEven } from './rational.js';

/**
 * Elementary functions on fixed-point BigInts: a value v with `bits` fraction bits is the integer round(v * 2^bits).
 * Errors are a few units of the last place unless said otherwise; callers keep 40 or more guard bits.
 */

/** floor(sqrt(value)), value >= 0, by Newton's method from above. */
export function integerSqrt(value: bigint): bigint {
  if (value < 2n) return value;
  let root = 1n << BigInt((bitLength(value) + 1) >> 1);
  while (true) {
    const next = (root + value / root) >> 1n;
    if (next >= root) return root;
    root = next;
  }
}

const piCache = new Map<number, bigint>();

/** pi by Machin's formula 16 atan(1/5) - 4 atan(1/239). */
export function fixedPi(bits: number): bigint {
  let pi = piCache.get(bits);
  if (pi === undefined) {
    const wide = bits + 16;
    pi = (16n * inverseTangent(5n, wide) - 4n * inverseTangent(239n, wide)) >> 16n;
    remember(piCache, bits, pi);
  }
  return pi;
}

const ln2Cache = new Map<number, bigint>();

/** ln 2 = 18 atanh(1/26) - 2 atanh(1/4801) + 8 atanh(1/8749). */
export function fixedLn2(bits: number): bigint {
  let ln2 = ln2Cache.get(bits);
  if (ln2 === undefined) {
    const wide = bits + 16;
    ln2 =
      (18n * inverseHyperbolicTangent(26n, wide) -
        2n * inverseHyperbolicTangent(4801n, wide) +
        8n * inverseHyperbolicTangent(8749n, wide)) >>
      16n;
    remember(ln2Cache, bits, ln2);
  }
  return ln2;
}

/** Constants of at most 64 precisions are kept; a caller chooses the precision, so the cache has to be bounded. */
function remember(cache: Map<number, bigint>, bits: number, value: bigint): void {
  if (cache.size >= 64) cache.clear();
  cache.set(bits, value);
}

/** atan(1/n), Taylor series. */
function inverseTangent(n: bigint, bits: number): bigint {
  return oddSeries(n, bits, -1n);
}

/** atanh(1/n), Taylor series. */
function inverseHyperbolicTangent(n: bigint, bits: number): bigint {
  return oddSeries(n, bits, 1n);
}

function oddSeries(n: bigint, bits: number, sign: bigint): bigint {
  const square = n * n;
  let power = (1n << BigInt(bits)) / n;
  let sum = 0n;
  let factor = 1n;
  for (let k = 1n; power !== 0n; k += 2n) {
    sum += (factor * power) / k;
    factor *= sign;
    power /= square;
  }
  return sum;
}

/** A positive or negative number mantissa * 2^exponent. */
export interface BigFloat {
  readonly mantissa: bigint;
  readonly exponent: number;
}

/** The number with at most `bits` bits, nearest, ties to even. */
export function roundToBits(value: BigFloat, bits: number): BigFloat {
  const drop = bitLength(value.mantissa) - bits;
  if (drop <= 0) return value;
  const magnitude = value.mantissa < 0n ? -value.mantissa : value.mantissa;
  const rounded = shiftRightEven(magnitude, drop);
  return { mantissa: value.mantissa < 0n ? -rounded : rounded, exponent: value.exponent + drop };
}

/**
 * Natural logarithm with a relative error below 2^-bits; value > 0.
 * log(1) is an exact zero.
 */
export function bigLog(value: BigFloat, bits: number): BigFloat {
  const length = bitLength(value.mantissa);
  // value = y * 2^power with y in [0.75, 1.5), so that y near 1 has power 0 and nothing cancels between the terms.
  let power = value.exponent + length - 1;
  const isUpper = 2n * value.mantissa >= 3n << BigInt(length - 1);
  if (isUpper) power += 1;
  const scale = value.exponent - power;
  // y - 1 exactly, to see how many bits its logarithm lacks in fixed point.
  const unit = 1n << BigInt(-scale);
  const distance = value.mantissa - unit;
  if (distance === 0n && power === 0) return { mantissa: 0n, exponent: 0 };
  const lost = power === 0 ? -scale - bitLength(distance) : 0;
  const wide = bits + lost + 64;
  const y = scaleBits(value.mantissa, scale + wide);
  const mantissa = fixedLog(y, wide) + BigInt(power) * fixedLn2(wide);
  return { mantissa, exponent: -wide };
}

function scaleBits(value: bigint, shift: number): bigint {
  return shift >= 0 ? value << BigInt(shift) : value >> BigInt(-shift);
}

/** ln(y) for y in [0.5, 2): square roots bring y to 1, then 2 atanh((y - 1) / (y + 1)). */
function fixedLog(y: bigint, bits: number): bigint {
  const halvings = Math.ceil(Math.sqrt(bits) / 2);
  const wide = bits + 2 * halvings + 16;
  let root = y << BigInt(wide - bits);
  const one = 1n << BigInt(wide);
  for (let step = 0; step < halvings; step++) root = integerSqrt(root << BigInt(wide));
  const ratio = ((root - one) << BigInt(wide)) / (root + one);
  const square = (ratio * ratio) >> BigInt(wide);
  let power = ratio;
  let sum = 0n;
  for (let k = 1n; power !== 0n && power !== -1n; k += 2n) {
    sum += power / k;
    power = (power * square) >> BigInt(wide);
  }
  return (sum << BigInt(1 + halvings)) >> BigInt(wide - bits);
}

/** e^x for a fixed-point x, as mantissa and exponent with about `bits` correct bits. */
export function bigExp(x: bigint, bits: number): BigFloat {
  const ln2 = fixedLn2(bits);
  const power = x / ln2;
  const rest = x - power * ln2;
  const halvings = Math.ceil(Math.sqrt(bits));
  const wide = bits + 2 * halvings + 16;
  const small = (rest << BigInt(wide - bits)) >> BigInt(halvings);
  let term = 1n << BigInt(wide);
  let sum = 0n;
  for (let k = 1n; term !== 0n && term !== -1n; k++) {
    sum += term;
    term = ((term * small) >> BigInt(wide)) / k;
  }
  for (let step = 0; step < halvings; step++) sum = (sum * sum) >> BigInt(wide);
  return { mantissa: sum, exponent: Number(power) - wide };
}

/** Cosine and sine of a fixed-point angle in [0, pi/2]. */
export function fixedCosSin(angle: bigint, bits: number): { cos: bigint; sin: bigint } {
  const wide = bits + 16;
  const x = angle << 16n;
  const square = (x * x) >> BigInt(wide);
  const series = (first: bigint, start: bigint): bigint => {
    let term = first;
    let sum = 0n;
    for (let k = start; term !== 0n && term !== -1n; k += 2n) {
      sum += term;
      term = -((term * square) >> BigInt(wide)) / (k * (k + 1n));
    }
    return sum >> 16n;
  };
  return { cos: series(1n << BigInt(wide), 1n), sin: series(x, 2n) };
}
