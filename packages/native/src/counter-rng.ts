import { callNative } from './call.js';
import { NativeValueError, ShapeError } from './errors.js';

/** Philox and Threefry of Random123: words of a block x bits of a word. */
export type CounterGenerator =
  | 'philox2x32'
  | 'philox4x32'
  | 'philox2x64'
  | 'philox4x64'
  | 'threefry2x32'
  | 'threefry4x32'
  | 'threefry2x64'
  | 'threefry4x64';

/** Words of a block and counter, words of a key, bits of a word, usual rounds. */
export const counterShapes = {
  philox2x32: { code: 0, words: 2, keyWords: 1, bits: 32, rounds: 10 },
  philox4x32: { code: 1, words: 4, keyWords: 2, bits: 32, rounds: 10 },
  philox2x64: { code: 2, words: 2, keyWords: 1, bits: 64, rounds: 10 },
  philox4x64: { code: 3, words: 4, keyWords: 2, bits: 64, rounds: 10 },
  threefry2x32: { code: 4, words: 2, keyWords: 2, bits: 32, rounds: 20 },
  threefry4x32: { code: 5, words: 4, keyWords: 4, bits: 32, rounds: 20 },
  threefry2x64: { code: 6, words: 2, keyWords: 2, bits: 64, rounds: 20 },
  threefry4x64: { code: 7, words: 4, keyWords: 4, bits: 64, rounds: 20 },
} as const satisfies Readonly<Record<CounterGenerator, object>>;

/** Where in which stream; words least significant first, each below 2 to the bits of the generator. */
export interface CounterPosition {
  readonly counter: readonly bigint[];
  readonly key: readonly bigint[];
  /** Rounds of the function; 0..1000. Default: the generator's usual number. */
  readonly rounds?: number;
}

/**
 * The random block at a counter of the stream of a key: a pure function, so any position can be drawn alone.
 *
 * @returns as many words as the counter.
 * @throws {ShapeError} for a counter or key of another length. @throws {NativeValueError} for a word out of range.
 * @see Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011; the vectors of Random123.
 */
export function counterBlock(generator: CounterGenerator, position: CounterPosition): bigint[] {
  const { code, counter, key, rounds } = checkPosition(generator, position);
  const block = new BigUint64Array(counter.length);
  callNative('counterBlock', code, rounds, counter, key, block);
  return [...block];
}

/**
 * Random 32-bit words of a stream: the blocks at counter, counter + 1, ... (with carry) one after the other, a 64-bit word giving
 * its low half first.
 *
 * @param count - how many words.
 * @throws as {@link counterBlock}.
 */
export function counterWords(generator: CounterGenerator, position: CounterPosition, count: number): Uint32Array {
  if (!(Number.isSafeInteger(count) && count >= 0)) {
    throw new NativeValueError(`expected count to be an integer >= 0, received ${count}`);
  }
  const { code, counter, key, rounds } = checkPosition(generator, position);
  const out = new Uint32Array(count);
  callNative('counterStream', code, rounds, counter, key, out);
  return out;
}

/** A 32-bit word to a float32 in (0, 1]: (word + 1/2) / 2^32, which rounds up to 1 for the largest words. */
export function unitFloat(word: number): number {
  return Math.fround(Math.fround(Math.fround(word >>> 0) * 2 ** -32) + 2 ** -33);
}

/** A 32-bit word to a float64 in (0, 1): (word + 1/2) / 2^32, exactly. */
export function unitDouble(word: number): number {
  return (word >>> 0) * 2 ** -32 + 2 ** -33;
}

/** A 32-bit word, as a signed one, to a float32 in [-1, 1]: (word + 1/2) / 2^31. */
export function signedUnitFloat(word: number): number {
  return Math.fround(Math.fround(Math.fround(word | 0) * 2 ** -31) + 2 ** -32);
}

/** A 32-bit word to a float32 that is neither 0 nor 1: its upper 24 bits, made odd, over 2^24. */
export function openUnitFloat(word: number): number {
  return ((word >>> 8) | 1) * 2 ** -24;
}

/** Two 32-bit words to two independent standard normal numbers (Box and Muller), good to float32. */
export function normalPair(first: number, second: number): [number, number] {
  const angle = Math.PI * signedUnitFloat(first);
  const radius = Math.sqrt(-2 * Math.log(unitFloat(second)));
  return [Math.fround(radius * Math.sin(angle)), Math.fround(radius * Math.cos(angle))];
}

function checkPosition(generator: CounterGenerator, { counter, key, rounds }: CounterPosition) {
  if (!Object.hasOwn(counterShapes, generator)) {
    throw new NativeValueError(`expected one of ${Object.keys(counterShapes).join(', ')}, received ${generator}`);
  }
  const shape = counterShapes[generator];
  for (const [name, words, length] of [
    ['counter', counter, shape.words] as const,
    ['key', key, shape.keyWords] as const,
  ]) {
    if (words.length !== length) {
      throw new ShapeError(`expected ${name} of ${generator} to have ${length} words, received ${words.length}`);
    }
    const bad = words.find((word) => word < 0n || word >= 1n << BigInt(shape.bits));
    if (bad !== undefined) {
      throw new NativeValueError(`expected words of ${name} to be in 0..2^${shape.bits} - 1, received ${bad}`);
    }
  }
  const used = rounds ?? shape.rounds;
  if (!(Number.isSafeInteger(used) && used >= 0 && used <= 1000)) {
    throw new NativeValueError(`expected rounds to be an integer in 0..1000, received ${used}`);
  }
  return { code: shape.code, counter: BigUint64Array.from(counter), key: BigUint64Array.from(key), rounds: used };
}
