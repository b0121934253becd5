import { addon } from './addon.js';
import { NativeValueError, ShapeError } from './errors.js';

/** What changes the distribution that a token is drawn from. Every field absent: the model's own distribution. */
export interface SamplingRules {
  /** Keeps tokens at least as likely as the k-th; ties survive. 0: off. */
  readonly topK?: number | undefined;
  /** In [0, 1]. Keeps the likeliest tokens until their probabilities reach this; the likeliest always stays. 1: off. */
  readonly topP?: number | undefined;
  /** In [0, 1]. Keeps tokens with at least this share of the largest probability. 0: off. */
  readonly minP?: number | undefined;
  /** Above 0. Logits of tokens that occurred: divided by it where positive, times it where negative. 1: off. */
  readonly repetitionPenalty?: number | undefined;
  /** No sequence of this many tokens occurs twice. 0: off. */
  readonly noRepeatNgramSize?: number | undefined;
  /** Sequences that are never completed. */
  readonly badWords?: readonly (readonly number[])[] | undefined;
  /** No end token while prompt and new tokens together are fewer. 0: off. */
  readonly minLength?: number | undefined;
  /** No end token, and no stop text, before so many new tokens. 0: off. */
  readonly minNewTokens?: number | undefined;
  /** Tokens that minLength and minNewTokens hold back. Default of the sampler: its stop tokens. */
  readonly endTokens?: readonly number[] | undefined;
  /** Never drawn. */
  readonly suppressTokens?: readonly number[] | undefined;
  /** Not drawn as first new token. */
  readonly beginSuppressTokens?: readonly number[] | undefined;
}

/** Rules as the addon reads them. */
export interface PackedRules {
  readonly [field: string]: number | Int32Array;
}

export function packRules(rules: SamplingRules): PackedRules {
  const badWords = rules.badWords ?? [];
  const offsets = new Int32Array(badWords.length + 1);
  for (const [i, word] of badWords.entries()) offsets[i + 1] = offsets[i]! + word.length;
  return {
    topK: rules.topK ?? 0,
    topP: rules.topP ?? 1,
    minP: rules.minP ?? 0,
    repetitionPenalty: rules.repetitionPenalty ?? 1,
    noRepeatNgramSize: rules.noRepeatNgramSize ?? 0,
    badWords: Int32Array.from(badWords.flat()),
    badWordOffsets: offsets,
    minLength: rules.minLength ?? 0,
    minNewTokens: rules.minNewTokens ?? 0,
    endTokens: Int32Array.from(rules.endTokens ?? []),
    suppressTokens: Int32Array.from(rules.suppressTokens ?? []),
    beginSuppressTokens: Int32Array.from(rules.beginSuppressTokens ?? []),
  };
}

/** @throws {NativeValueError} naming the rule that is out of range. */
export function checkRules(rules: SamplingRules, vocabSize: number): void {
  const range = (name: keyof SamplingRules, isFine: (value: number) => boolean, expected: string): void => {
    const value = rules[name];
    if (value !== undefined && !(typeof value === 'number' && isFine(value))) {
      throw new NativeValueError(`expected ${name} to be ${expected}, received ${String(value)}`);
    }
  };
  for (const name of ['topK', 'noRepeatNgramSize', 'minLength', 'minNewTokens'] as const) {
    range(name, (value) => Number.isInteger(value) && value >= 0 && value <= 2 ** 31 - 1, 'an integer in [0, 2^31)');
  }
  for (const name of ['topP', 'minP'] as const) range(name, (value) => value >= 0 && value <= 1, 'in [0, 1]');
  range('repetitionPenalty', (value) => value > 0 && value <= 1e6, 'in (0, 1e6]');
  const tokens = (name: string, list: readonly number[]): void => {
    for (const [i, token] of list.entries()) {
      if (!Number.isInteger(token) || token < 0 || token >= vocabSize) {
        throw new NativeValueError(`expected ${name}[${i}] to be a token in [0, ${vocabSize}), received ${token}`);
      }
    }
  };
  for (const [i, word] of (rules.badWords ?? []).entries()) {
    if (word.length === 0)
      throw new NativeValueError(`expected badWords[${i}] to hold at least one token, received none`);
    tokens(`badWords[${i}]`, word);
  }
  tokens('endTokens', rules.endTokens ?? []);
  tokens('suppressTokens', rules.suppressTokens ?? []);
  tokens('beginSuppressTokens', rules.beginSuppressTokens ?? []);
}

export interface ProcessLogitsInput {
  /** [V]: of the next token. Not changed. */
  readonly logits: Float32Array;
  /** The sequence so far, each in [0, V). */
  readonly tokens: Int32Array;
  /** How many of them are prompt. */
  readonly promptLength: number;
  /** Divides the logits; 0 is greedy and divides by 1. */
  readonly temperature: number;
  readonly rules: SamplingRules;
}

/**
 * Scores of the next token by the rules: logits divided by the temperature, -Infinity where a token may not come. Their softmax
 * is the distribution that the sampler draws from. Order and edge cases are those of Hugging Face transformers.
 *
 * @returns [V]
 * @throws {ShapeError} for a promptLength that does not fit. @throws {NativeValueError} for rules or tokens out of range.
 */
export function processLogits({ logits, tokens, promptLength, temperature, rules }: ProcessLogitsInput): Float32Array {
  checkRules(rules, logits.length);
  checkSequence({ logits, tokens, promptLength, temperature });
  const scores = Float32Array.from(logits);
  addon['processLogits']!(scores, tokens, promptLength, temperature, packRules(rules));
  return scores;
}

function checkSequence({ logits, tokens, promptLength, temperature }: Omit<ProcessLogitsInput, 'rules'>): void {
  if (!Number.isInteger(promptLength) || promptLength < 0 || promptLength > tokens.length) {
    throw new ShapeError(`expected promptLength to be an integer in [0, ${tokens.length}], received ${promptLength}`);
  }
  if (!(temperature >= 0 && temperature <= 1e6)) {
    throw new NativeValueError(`expected temperature to be in [0, 1e6], received ${temperature}`);
  }
  const bad = tokens.findIndex((token) => token < 0 || token >= logits.length);
  if (bad >= 0) {
    throw new NativeValueError(`expected tokens[${bad}] to be in [0, ${logits.length}), received ${tokens[bad]}`);
  }
}

/** The same in plain TypeScript, from sorted lists and sets: the reference of the addon's. Sums in double. */
export function processLogitsReference(input: ProcessLogitsInput): Float32Array {
  checkRules(input.rules, input.logits.length);
  checkSequence(input);
  const { tokens, promptLength, temperature, rules } = input;
  const scores = Float32Array.from(input.logits);
  const { repetitionPenalty: penalty = 1, noRepeatNgramSize: n = 0, endTokens = [] } = rules;
  const ban = (token: number): void => {
    scores[token] = Number.NEGATIVE_INFINITY;
  };
  if (penalty !== 1) {
    const factor = Math.fround(penalty);
    for (const token of new Set(tokens)) {
      const logit = scores[token]!;
      scores[token] = logit < 0 ? logit * factor : logit / factor;
    }
  }
  if (n > 0 && tokens.length >= n) {
    const last = tokens.subarray(tokens.length - n + 1).join();
    for (let i = 0; i + n <= tokens.length; i++) {
      if (tokens.subarray(i, i + n - 1).join() === last) ban(tokens[i + n - 1]!);
    }
  }
  for (const word of rules.badWords ?? []) {
    if (word.length > 1 && word.length > tokens.length) continue;
    if (word.length === 1 && endTokens.includes(word[0]!)) continue;
    if (tokens.subarray(tokens.length - word.length + 1).join() === word.slice(0, -1).join()) ban(word.at(-1)!);
  }
  const newTokens = tokens.length - promptLength;
  if (tokens.length < (rules.minLength ?? 0) || newTokens < (rules.minNewTokens ?? 0)) endTokens.forEach(ban);
  rules.suppressTokens?.forEach(ban);
  if (newTokens === 0) rules.beginSuppressTokens?.forEach(ban);

  const divisor = temperature === 0 ? 1 : Math.fround(temperature);
  for (let i = 0; i < scores.length; i++) scores[i] = scores[i]! / divisor;
  if (scores.some(Number.isNaN)) return scores;
  truncate(scores, rules);
  return scores;
}

function truncate(scores: Float32Array, { topK = 0, topP = 1, minP = 0 }: SamplingRules): void {
  if (topK > 0 && topK < scores.length) {
    const threshold = scores.toSorted()[scores.length - topK]!;
    for (let i = 0; i < scores.length; i++) if (scores[i]! < threshold) scores[i] = Number.NEGATIVE_INFINITY;
  }
  const max = scores.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  if (!Number.isFinite(max)) return;
  if (topP < 1) {
    const weights = Float64Array.from(scores, (score) => Math.exp(score - max));
    const total = weights.reduce((a, b) => a + b, 0);
    const order = Array.from(scores.keys()).sort((a, b) => scores[b]! - scores[a]! || a - b);
    let before = 0;
    for (const [rank, token] of order.entries()) {
      if (rank > 0 && !(before / total < topP)) scores[token] = Number.NEGATIVE_INFINITY;
      before += weights[token]!;
    }
  }
  if (minP > 0) {
    for (let i = 0; i < scores.length; i++) {
      if (scores[i] !== max && Math.exp(scores[i]! - max) < minP) scores[i] = Number.NEGATIVE_INFINITY;
    }
  }
}
