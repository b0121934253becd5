import { gramKeys, hashPermutations, lcsLengths, minHash, minHashTexts, ngramRepetition } from '@parl-mt/native';
import { mix, uniform } from './inputs.js';
import type { Prepared, Work } from './measure.js';

const PAIRS = 1000;
const LENGTH = 200;
const VOCABULARY = 500;

const SEQUENCES = 1000;
const TOKENS = 1000;
const GRAM = 3;
const HASHES = 128;

/** Longest common subsequences, repeated n-grams, and signatures of sets of n-grams. */
export function redundancyWorks(): Work[] {
  const grams = { item: 'token', items: SEQUENCES * TOKENS, bytes: 4 * SEQUENCES * TOKENS, flops: 0 };
  return [
    {
      name: `lcs/${PAIRS}x${LENGTH}`,
      item: 'pair',
      items: PAIRS,
      bytes: PAIRS * LENGTH * 4 * 2,
      flops: 0,
      prepare: prepareLcs,
    },
    { name: `ngram${GRAM}_repetition/${SEQUENCES}x${TOKENS}`, ...grams, prepare: prepareRepetition },
    {
      name: `minhash${HASHES}_${GRAM}gram/${SEQUENCES}x${TOKENS}`,
      ...grams,
      note: 'keys and permutations in 32-bit wrap-around arithmetic',
      prepare: prepareMinHash,
    },
    {
      name: `minhash_docs/${SEQUENCES}x${TOKENS}`,
      item: 'document',
      items: SEQUENCES,
      bytes: 0,
      flops: 0,
      note: `texts of ${TOKENS} words; splitting, 3-grams and ${HASHES} permutations`,
      prepare: prepareDocuments,
    },
  ];
}

function prepareLcs(): Prepared {
  const a = Int32Array.from({ length: PAIRS * LENGTH }, (_, i) => mix(i, 51) % VOCABULARY);
  const b = a.map((token, i) => (i % 2 === 0 ? token : mix(i, 52) % VOCABULARY));
  const offsets = Int32Array.from({ length: PAIRS + 1 }, (_, pair) => pair * LENGTH);
  let lengths = new Int32Array();
  return {
    run: () => {
      lengths = lcsLengths({ tokens: a, offsets }, { tokens: b, offsets }) as typeof lengths;
    },
    check: () => lengths.reduce((sum, length) => sum + length, 0),
  };
}

/** Token 0 is the most frequent of 64, and so on. */
function skewedTokens() {
  const tokens = Int32Array.from(uniform(SEQUENCES * TOKENS, 61), (x) => Math.floor(x ** 3 * 64));
  return { tokens, offsets: Int32Array.from({ length: SEQUENCES + 1 }, (_, s) => s * TOKENS) };
}

function prepareRepetition(): Prepared {
  const sequences = skewedTokens();
  let shares = new Float64Array();
  return {
    run: () => {
      shares = ngramRepetition(sequences, { n: GRAM }) as typeof shares;
    },
    check: () => shares.reduce((sum, share) => sum + share, 0),
  };
}

function prepareMinHash(): Prepared {
  const sequences = skewedTokens();
  const permutations = {
    multipliers: Uint32Array.from({ length: HASHES }, (_, k) => mix(k, 71) | 1),
    addends: Uint32Array.from({ length: HASHES }, (_, k) => mix(k, 72)),
  };
  let signatures = new Uint32Array();
  return {
    run: () => {
      const keys = gramKeys(sequences, { n: GRAM, isMixed: false });
      signatures = minHash(keys, permutations).values as typeof signatures;
    },
    check: () => signatures.reduce((sum, value) => sum + value, 0),
  };
}

/** Documents of frequent and rare words. Hash functions differ from library to library: no check can agree. */
function prepareDocuments(): Prepared {
  const words = Array.from(
    { length: 54 },
    (_, i) => 'abcdefgh'.slice(0, 2 + (i % 6)) + String.fromCharCode(97 + (i % 26)),
  );
  const documents = Array.from({ length: SEQUENCES }, (_, s) =>
    Array.from(uniform(TOKENS, s), (x) => words[Math.floor(x ** 2 * words.length)]!).join(' '),
  );
  const permutations = hashPermutations({ hashes: HASHES, seed: 42 });
  return {
    run: () => {
      minHashTexts(documents, { n: GRAM }, permutations);
    },
    check: () => 0,
  };
}
