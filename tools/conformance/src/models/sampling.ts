import { processLogits, processLogitsReference, type SamplingRules } from '@parl-mt/native';
import { absolute, type Ledger } from './ledger.js';
import type { ModelFixtures } from './model-fixtures.js';
import type { ModelSection } from './section.js';

interface SamplingCase {
  readonly index: number;
  readonly row: string;
  readonly settings: {
    readonly temperature?: number;
    readonly top_k?: number;
    readonly top_p?: number;
    readonly min_p?: number;
    readonly repetition_penalty?: number;
    readonly no_repeat_ngram_size?: number;
    readonly bad_words_ids?: readonly (readonly number[])[];
    readonly min_length?: number;
    readonly min_new_tokens?: number;
    readonly eos_token_id?: readonly number[];
    readonly suppress_tokens?: readonly number[];
    readonly begin_suppress_tokens?: readonly number[];
    readonly input_ids?: readonly number[];
    readonly prompt_length?: number;
  };
  readonly kept_count: number;
  readonly kept?: readonly number[];
  readonly tied_group_split?: readonly unknown[];
  readonly filter_margin?: number;
}

/** Below this distance of the nearest decision float32 rounding decides what stays. */
const LEAST_MARGIN = 1e-6;

/** Rows of logits, settings, and the probabilities that transformers leaves. */
export const sampling: ModelSection = {
  name: 'sampling',
  async run(fixtures, ledger) {
    const file = 'sampling/cases.jsonl';
    if (!fixtures.has(file)) return;
    ledger.use('sampling/about.json', 'sampling/sampling.safetensors');
    await ledger.attempt(file, 'read', () => judgeCases(fixtures, ledger, file));
  },
};

function judgeCases(fixtures: ModelFixtures, ledger: Ledger, file: string): void {
  const tensors = fixtures.tensors('sampling/sampling.safetensors');
  const probabilities = tensors.get('probs')!.values;
  const cases = fixtures.lines<SamplingCase>(file);
  const vocab = probabilities.length / cases.length;
  for (const [place, each] of cases.entries()) {
    const expected = probabilities.slice(place * vocab, (place + 1) * vocab);
    const { settings } = each;
    const tokens = Int32Array.from(settings.input_ids ?? []);
    const input = {
      logits: Float32Array.from(tensors.get(`logits.${each.row}`)!.values),
      tokens,
      promptLength: settings.prompt_length ?? tokens.length,
      temperature: settings.temperature ?? 1,
      rules: rulesOf(settings),
    };
    for (const [engine, process] of [
      ['addon', processLogits],
      ['plain', processLogitsReference],
    ] as const) {
      const scores = process(input);
      const isRounding = (each.filter_margin ?? 1) < LEAST_MARGIN && countKept(scores) !== each.kept_count;
      if (isRounding)
        ledger.leaveOut(
          file,
          `case ${each.index} (${engine})`,
          1,
          `filter_margin below ${LEAST_MARGIN}: rounding decides`,
        );
      else judgeCase(ledger, file, each, scores, expected, engine);
    }
  }
}

function judgeCase(
  ledger: Ledger,
  file: string,
  each: SamplingCase,
  scores: Float32Array,
  expected: ArrayLike<number>,
  engine: string,
): void {
  const where = `case ${each.index}`;
  const ours = softmax(scores);
  // Which of equal scores stay is arbitrary: the probabilities as a multiset are not.
  const isSplit = each.tied_group_split !== undefined;
  const [a, b] = isSplit ? [ours.toSorted(), Float64Array.from(expected).toSorted()] : [ours, expected];
  ledger.compare(file, `probabilities (${engine})`, a, b, absolute(1e-6), where);
  // Counted among scores: a probability too small for a double is kept all the same.
  const tokens = Array.from(scores.keys()).filter((token) => scores[token] !== Number.NEGATIVE_INFINITY);
  const isSame = isSplit || each.kept === undefined || tokens.join() === each.kept.join();
  const differences =
    isSame && tokens.length === each.kept_count ? [] : [`${where}: ours ${tokens.length}, expected ${each.kept_count}`];
  ledger.matches(file, `tokens kept (${engine})`, 1, differences);
}

function countKept(scores: Float32Array): number {
  return scores.reduce((count, score) => (score === Number.NEGATIVE_INFINITY ? count : count + 1), 0);
}

function rulesOf(settings: SamplingCase['settings']): SamplingRules {
  return {
    topK: settings.top_k,
    topP: settings.top_p,
    minP: settings.min_p,
    repetitionPenalty: settings.repetition_penalty,
    noRepeatNgramSize: settings.no_repeat_ngram_size,
    badWords: settings.bad_words_ids,
    minLength: settings.min_length,
    minNewTokens: settings.min_new_tokens,
    endTokens: settings.eos_token_id,
    suppressTokens: settings.suppress_tokens,
    beginSuppressTokens: settings.begin_suppress_tokens,
  };
}

function softmax(scores: Float32Array): Float64Array {
  const max = scores.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  const weights = Float64Array.from(scores, (score) => Math.exp(score - max));
  const total = weights.reduce((a, b) => a + b, 0);
  return weights.map((weight) => weight / total);
}
