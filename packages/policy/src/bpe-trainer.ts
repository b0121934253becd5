import { SPECIAL_TOKENS } from '@parl-mt/chat';
import { UsageError } from '@parl-mt/schema';
import { byteToCharacter } from './byte-alphabet.js';

/**
 * What a merge may never cross, in the syntax of Hugging Face's `Split`: a word with the space or underscore before it (so
 * `dir_name` is `dir` + `_name` wherever it is copied from) and the extension after it (so `notes.txt`, where it is frequent,
 * is one token, and copying it one match), up to three digits, a quote, a run of other punctuation, white
 * space. A quote is always one token of its own and takes no space before it: what stands in quotes in a message is then
 * the same tokens in a call, and copying it is a match of equal tokens.
 */
export const PRE_TOKEN_PATTERN = "[ _]?\\p{L}+(?:\\.\\p{L}+)?|\\p{N}{1,3}|'|[^\\s\\p{L}\\p{N}']+|\\s+(?!\\S)|\\s+";

export interface BpeTrainingOptions {
  /** Tokens wanted, special tokens and the 256 bytes included. Fewer when the corpus has no pair left that occurs twice. */
  readonly vocabSize: number;
  /** Atomic tokens, ids from 0. Default: those of the text protocol. */
  readonly specialTokens?: readonly string[];
}

/** The part of a Hugging Face `tokenizer.json` that this trainer writes. */
export interface TokenizerJson {
  readonly version: '1.0';
  readonly added_tokens: readonly Readonly<Record<string, unknown>>[];
  readonly model: {
    readonly type: 'BPE';
    readonly vocab: Readonly<Record<string, number>>;
    readonly merges: readonly (readonly [string, string])[];
    readonly [field: string]: unknown;
  };
  readonly [field: string]: unknown;
}

/**
 * Trains byte-level BPE: starts from single bytes and joins, again and again, the most frequent neighbouring pair. Ties
 * go to the pair that sorts first, so the result depends on the corpus alone.
 *
 * @param corpus - texts without special tokens.
 * @returns the content of a `tokenizer.json`.
 * @throws {UsageError} when vocabSize has no room for special tokens and bytes.
 * @see Sennrich et al. 2016, arXiv:1508.07909; bytes as in GPT-2.
 */
export function trainBpe(corpus: Iterable<string>, options: BpeTrainingOptions): TokenizerJson {
  const { vocabSize, specialTokens = SPECIAL_TOKENS } = options;
  const alphabet = byteToCharacter();
  const smallest = specialTokens.length + alphabet.length;
  if (!Number.isInteger(vocabSize) || vocabSize < smallest) {
    throw new UsageError(
      `expected vocabSize of at least ${smallest} (special tokens and bytes), received ${vocabSize}`,
    );
  }
  const vocab = new Map<string, number>();
  for (const token of [...specialTokens, ...alphabet]) vocab.set(token, vocab.size);
  const merges: [string, string][] = [];
  const words = countWords(corpus, alphabet);
  const pairs = new PairTable(words);
  while (vocab.size < vocabSize) {
    const best = pairs.mostFrequent();
    if (best === undefined) break;
    merges.push(best);
    pairs.merge(best);
    vocab.set(best[0] + best[1], vocab.size);
  }
  return tokenizerJson(vocab, merges, specialTokens);
}

interface Word {
  /** Current tokens of the word. */
  symbols: string[];
  readonly count: number;
}

function countWords(corpus: Iterable<string>, alphabet: readonly string[]): Word[] {
  const pattern = new RegExp(PRE_TOKEN_PATTERN, 'gu');
  const counts = new Map<string, number>();
  for (const text of corpus) {
    for (const [word] of text.matchAll(pattern)) counts.set(word, (counts.get(word) ?? 0) + 1);
  }
  const encoder = new TextEncoder();
  return [...counts].map(([word, count]) => ({
    symbols: Array.from(encoder.encode(word), (byte) => alphabet[byte]!),
    count,
  }));
}

/** Separates the two tokens of a pair in a key; no byte's character is NUL. */
const SEPARATOR = '\0';

/** Counts of neighbouring pairs and the words they occur in, kept up to date from merge to merge. */
class PairTable {
  readonly #counts = new Map<string, number>();
  readonly #words = new Map<string, Set<Word>>();

  constructor(words: readonly Word[]) {
    for (const word of words) this.#addWord(word, 1);
  }

  mostFrequent(): [string, string] | undefined {
    let best: string | undefined;
    let bestCount = 1;
    for (const [key, count] of this.#counts) {
      if (count > bestCount || (count === bestCount && best !== undefined && key < best)) {
        best = key;
        bestCount = count;
      }
    }
    return best?.split(SEPARATOR) as [string, string] | undefined;
  }

  merge([left, right]: readonly [string, string]): void {
    const touched = [...(this.#words.get(left + SEPARATOR + right) ?? [])];
    for (const word of touched) {
      this.#addWord(word, -1);
      word.symbols = joinPair(word.symbols, left, right);
      this.#addWord(word, 1);
    }
  }

  #addWord(word: Word, sign: 1 | -1): void {
    for (let i = 0; i + 1 < word.symbols.length; i++) {
      const key = word.symbols[i]! + SEPARATOR + word.symbols[i + 1]!;
      const count = (this.#counts.get(key) ?? 0) + sign * word.count;
      if (count === 0) {
        this.#counts.delete(key);
        this.#words.delete(key);
        continue;
      }
      this.#counts.set(key, count);
      const words = this.#words.get(key);
      if (sign < 0) words?.delete(word);
      else if (words) words.add(word);
      else this.#words.set(key, new Set([word]));
    }
  }
}

/** Replaces each occurrence of the pair, from the left, by their concatenation. */
function joinPair(symbols: readonly string[], left: string, right: string): string[] {
  const joined: string[] = [];
  for (let i = 0; i < symbols.length; i++) {
    const isPair = symbols[i] === left && symbols[i + 1] === right;
    joined.push(isPair ? left + right : symbols[i]!);
    if (isPair) i += 1;
  }
  return joined;
}

function tokenizerJson(
  vocab: ReadonlyMap<string, number>,
  merges: readonly (readonly [string, string])[],
  specialTokens: readonly string[],
): TokenizerJson {
  return {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: specialTokens.map((content, id) => ({
      id,
      content,
      single_word: false,
      lstrip: false,
      rstrip: false,
      normalized: false,
      special: true,
    })),
    normalizer: null,
    pre_tokenizer: {
      type: 'Sequence',
      pretokenizers: [
        { type: 'Split', pattern: { Regex: PRE_TOKEN_PATTERN }, behavior: 'Isolated', invert: false },
        { type: 'ByteLevel', add_prefix_space: false, trim_offsets: false, use_regex: false },
      ],
    },
    post_processor: null,
    decoder: { type: 'ByteLevel', add_prefix_space: false, trim_offsets: false, use_regex: false },
    model: {
      type: 'BPE',
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: false,
      vocab: Object.fromEntries(vocab),
      merges,
    },
  };
}
