import { createHash } from 'node:crypto';
import { MersenneTwister } from './mersenne-twister.js';
import { bitLength, decomposeDouble } from './rational.js';
import { PyObject, type PyValue, typeError, typeName } from './value.js';

/** Generators in use, kept apart from their owner's fields: a copy of the owner makes its own when it draws. */
const generators = new WeakMap<PyRandom, MersenneTwister>();

/**
 * Python's `random.Random(seed)`. Its whole state is the seed and the count of words drawn, so copies and digests are cheap;
 * a copy that draws again runs its own generator up to that count.
 */
export class PyRandom extends PyObject {
  /** Absolute value of the seed as an int. */
  seed: bigint;
  /** 32-bit words drawn so far. */
  drawn: number;

  constructor(seed: bigint) {
    super();
    this.seed = seed < 0n ? -seed : seed;
    this.drawn = 0;
  }

  get typeName(): string {
    return 'Random';
  }

  override get isImmutable(): boolean {
    return false;
  }

  repr(): string {
    return '<random.Random object>';
  }

  /** Python `randint(low, high)`, both ends included. */
  randint(low: bigint, high: bigint): bigint {
    const size = high - low + 1n;
    const bits = bitLength(size);
    let offset = randomBits(this, bits);
    while (offset >= size) offset = randomBits(this, bits);
    return low + offset;
  }

  /** Python `uniform(low, high)`. */
  uniform(low: number, high: number): number {
    const a = randomWord(this) >>> 5;
    const b = randomWord(this) >>> 6;
    return low + (high - low) * ((a * 67108864 + b) / 9007199254740992);
  }
}

/** Python `getrandbits(count)`, count > 0. */
function randomBits(random: PyRandom, count: number): bigint {
  let value = 0n;
  for (let shift = 0; shift < count; shift += 32) {
    const left = count - shift;
    value |= BigInt(left < 32 ? randomWord(random) >>> (32 - left) : randomWord(random)) << BigInt(shift);
  }
  return value;
}

function randomWord(random: PyRandom): number {
  let generator = generators.get(random);
  if (generator === undefined) {
    generator = new MersenneTwister(seedWords(random.seed));
    for (let skipped = 0; skipped < random.drawn; skipped++) generator.next();
    generators.set(random, generator);
  }
  random.drawn++;
  return generator.next();
}

/** 32-bit words of the seed, least significant first, at least one. */
function seedWords(seed: bigint): number[] {
  const words: number[] = [];
  for (let rest = seed; rest > 0n; rest >>= 32n) words.push(Number(rest & 0xffffffffn));
  return words.length === 0 ? [0] : words;
}

/**
 * Python `random.Random(seed)` for whatever a scenario holds.
 *
 * @param defaultSeed - taken for None too, where Python asks the operating system: an episode must be repeatable.
 * @throws {PythonError} TypeError for other types.
 */
export function pyRandom(seed: PyValue, defaultSeed: bigint): PyRandom {
  if (seed === null) return new PyRandom(defaultSeed);
  if (typeof seed === 'bigint' || typeof seed === 'boolean') return new PyRandom(BigInt(seed));
  if (typeof seed === 'number') return new PyRandom(BigInt.asUintN(64, floatHash(seed)));
  if (typeof seed === 'string') {
    const bytes = Buffer.from(seed, 'utf8');
    const digest = createHash('sha512').update(bytes).digest();
    return new PyRandom(BigInt(`0x${Buffer.concat([bytes, digest]).toString('hex')}`));
  }
  throw typeError(`unhashable type: '${typeName(seed)}'`);
}

const HASH_MODULUS = 2n ** 61n - 1n;

/** Python `hash(float)`: the value modulo 2^61 - 1. */
function floatHash(value: number): bigint {
  if (Number.isNaN(value)) return 0n;
  if (!Number.isFinite(value)) return value > 0 ? 314159n : -314159n;
  const { mantissa, exponent } = decomposeDouble(value);
  const magnitude = mantissa < 0n ? -mantissa : mantissa;
  // 2^61 is 1 modulo 2^61 - 1, so a power of two depends on its exponent modulo 61 only.
  const shift = BigInt(((exponent % 61) + 61) % 61);
  const hash = ((magnitude % HASH_MODULUS) << shift) % HASH_MODULUS;
  const signed = mantissa < 0n ? -hash : hash;
  return signed === -1n ? -2n : signed;
}
