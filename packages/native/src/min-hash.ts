import { callNative } from './call.js';
import { NativeValueError, ShapeError } from './errors.js';
import { checkOffsets } from './offsets.js';
import type { TokenBatch } from './redundancy.js';

/** Sets of 32-bit keys, flat: set s is keys[offsets[s]] to keys[offsets[s + 1] - 1]; duplicates count once. */
export interface KeySets {
  readonly keys: Uint32Array;
  readonly offsets: Int32Array;
}

/** Permutations x -> (x * multiplier + addend) mod 2^32, multipliers odd. */
export interface HashPermutations {
  readonly multipliers: Uint32Array;
  readonly addends: Uint32Array;
}

/** Signatures of S sets under H permutations. */
export interface MinHashSignatures {
  /** [S, H], row-major. */
  readonly values: Uint32Array;
  readonly hashes: number;
}

/**
 * Permutations drawn from a seed; the same seed gives the same ones everywhere.
 *
 * @param options.hashes - how many, 1..4096. Default 128. @param options.seed - an integer >= 0. Default 0.
 */
export function hashPermutations({
  hashes = 128,
  seed = 0,
}: {
  readonly hashes?: number;
  readonly seed?: number;
} = {}): HashPermutations {
  if (!(Number.isSafeInteger(hashes) && hashes >= 1 && hashes <= 4096)) {
    throw new NativeValueError(`expected hashes to be an integer in 1..4096, received ${hashes}`);
  }
  if (!(Number.isSafeInteger(seed) && seed >= 0))
    throw new NativeValueError(`expected seed to be an integer >= 0, received ${seed}`);
  const permutations = { multipliers: new Uint32Array(hashes), addends: new Uint32Array(hashes) };
  callNative('permutations', seed, permutations.multipliers, permutations.addends);
  return permutations;
}

/**
 * Keys of the n-grams of token sequences, one a position: the exclusive or of token[i] * c[i] with odd constants c, mod 2^32.
 *
 * @param options.n - tokens of a gram, 1..64.
 * @param options.isMixed - finalise keys, so that linear permutations of them behave as random ones. Default true; false for keys
 * that are hashed further.
 * @throws {ShapeError} if the offsets do not describe the tokens. @throws {NativeValueError} for n out of range.
 */
export function gramKeys(
  sequences: TokenBatch,
  { n, isMixed = true }: { readonly n: number; readonly isMixed?: boolean },
): KeySets {
  checkGram(n);
  checkOffsets('sequences.offsets', sequences.offsets, sequences.tokens.length);
  const offsets = new Int32Array(sequences.offsets.length);
  callNative('gramKeyOffsets', sequences.tokens, sequences.offsets, n, offsets);
  const keys = new Uint32Array(offsets[offsets.length - 1]!);
  callNative('gramKeys', sequences.tokens, sequences.offsets, n, isMixed, offsets, keys);
  return { keys, offsets };
}

/**
 * MinHash signatures: entry k is the smallest value of permutation k over the set. The share of equal entries of two signatures
 * estimates the Jaccard similarity of the sets, with a standard deviation of about sqrt(j (1 - j) / hashes).
 *
 * @returns all ones for an empty set.
 * @throws {ShapeError} if the offsets do not describe the keys.
 * @see Broder 1997, "On the resemblance and containment of documents".
 */
export function minHash({ keys, offsets }: KeySets, { multipliers, addends }: HashPermutations): MinHashSignatures {
  if (!(keys instanceof Uint32Array)) throw new ShapeError('expected keys to be a Uint32Array');
  const sets = checkOffsets('offsets', offsets, keys.length);
  if (addends.length !== multipliers.length) {
    throw new ShapeError(
      `expected addends.length to be multipliers.length ${multipliers.length}, received ${addends.length}`,
    );
  }
  const values = new Uint32Array(sets * multipliers.length);
  callNative('minHash', keys, offsets, multipliers, addends, values);
  return { values, hashes: multipliers.length };
}

/**
 * MinHash signatures of the word n-grams of texts; words are separated by white space, a text of fewer than n words has the one
 * gram of all of them.
 *
 * @throws {NativeValueError} for n outside 1..64. @throws {ShapeError} for an entry that is no string.
 */
export function minHashTexts(
  texts: readonly string[],
  { n }: { readonly n: number },
  { multipliers, addends }: HashPermutations,
): MinHashSignatures {
  checkGram(n);
  const values = new Uint32Array(texts.length * multipliers.length);
  callNative('minHashTexts', texts, n, multipliers, addends, values);
  return { values, hashes: multipliers.length };
}

/**
 * Estimated Jaccard similarity of sets a and b of the signatures: the share of equal entries.
 *
 * @throws {NativeValueError} for a set that is not there.
 */
export function estimatedJaccard({ values, hashes }: MinHashSignatures, a: number, b: number): number {
  const sets = values.length / hashes;
  for (const set of [a, b]) {
    if (!(Number.isSafeInteger(set) && set >= 0 && set < sets)) {
      throw new NativeValueError(`expected a set in 0..${sets - 1}, received ${set}`);
    }
  }
  let equal = 0;
  for (let k = 0; k < hashes; k++) equal += values[a * hashes + k] === values[b * hashes + k] ? 1 : 0;
  return equal / hashes;
}

function checkGram(n: number): void {
  if (!(Number.isSafeInteger(n) && n >= 1 && n <= 64)) {
    throw new NativeValueError(`expected n to be an integer in 1..64, received ${n}`);
  }
}
