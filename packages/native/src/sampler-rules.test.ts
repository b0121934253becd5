import { describe, expect, test } from 'vitest';
import { randomWeights } from './decoder-weights.testing.js';
import type { NativeDecoderConfig } from './native-decoder.js';
import { decoderLogitsReference, logSoftmaxReference } from './reference/decoder.js';
import { Sampler } from './sampler.js';
import { processLogitsReference, type SamplingRules } from './sampling-rules.js';

const config: NativeDecoderConfig = {
  vocabSize: 61,
  hiddenSize: 16,
  numLayers: 2,
  numHeads: 4,
  numKvHeads: 2,
  intermediateSize: 23,
  ropeTheta: 10_000,
  rmsNormEps: 1e-6,
};
const weights = randomWeights(config);
const capacity = { maxSlots: 16, maxTokensPerSlot: 64 };
const RULES: SamplingRules = { topK: 20, topP: 0.9, minP: 0.02, repetitionPenalty: 1.3, noRepeatNgramSize: 2 };
const requests = Array.from({ length: 12 }, (_, slot) => ({
  slot,
  prompt: Int32Array.of(slot % 5, 7, slot % 3, 7),
  maxNewTokens: 24,
  seed: 100 + slot,
}));

/** Token i spells the letter or sign with code 33 + i. */
const tokenTexts = {
  bytes: Uint8Array.from({ length: config.vocabSize }, (_, i) => 33 + i),
  offsets: Int32Array.from({ length: config.vocabSize + 1 }, (_, i) => i),
};

function spell(tokens: Iterable<number>): string {
  return Array.from(tokens, (token) => String.fromCharCode(33 + token)).join('');
}

describe('Sampler with rules', () => {
  test.each([0.8, 1, 0])('log-probs are those of the distribution drawn from, temperature %d', async (temperature) => {
    using sampler = new Sampler(config, weights, capacity);
    const texts = await sampler.generate(requests.slice(0, 4), {
      temperature,
      stopTokens: [],
      rules: RULES,
      untruncatedLogprobs: true,
    });
    for (const [i, { tokens, logprobs, untruncatedLogprobs }] of texts.entries()) {
      const { prompt } = requests[i]!;
      const whole = Int32Array.of(...prompt, ...tokens);
      const rows = decoderLogitsReference(config, weights, [...whole.slice(0, -1)]);
      for (const [t, token] of tokens.entries()) {
        const at = prompt.length + t;
        const row = Float32Array.from(rows[at - 1]!);
        const scores = processLogitsReference({
          logits: row,
          tokens: whole.subarray(0, at),
          promptLength: prompt.length,
          temperature,
          rules: RULES,
        });
        expect(Number.isFinite(scores[token])).toBe(true);
        // As in sampler.test.ts, and a border token in or out of the kept set moves the others by its own probability.
        expect(Math.abs(logprobs[t]! - logSoftmaxReference(Float64Array.from(scores), 1)[token]!)).toBeLessThan(2e-4);
        const plain = logSoftmaxReference(Float64Array.from(row), temperature || 1)[token]!;
        expect(Math.abs(untruncatedLogprobs![t]! - plain)).toBeLessThan(2e-4);
        expect(untruncatedLogprobs![t]).toBeLessThanOrEqual(1e-6);
      }
    }
  });

  test('the same seed gives the same text whatever else is in the call', async () => {
    using together = new Sampler(config, weights, capacity);
    const options = { temperature: 0.9, stopTokens: [3], rules: { ...RULES, minNewTokens: 5 } };
    const all = await together.generate(requests, options);
    using alone = new Sampler(config, weights, capacity);
    for (const [i, request] of requests.entries()) {
      const [text] = await alone.generate([{ ...request, slot: 0 }], { ...options, threads: 1 });
      expect(text).toEqual(all[i]);
    }
  });

  test('rules that are all off change no bit', async () => {
    using sampler = new Sampler(config, weights, capacity);
    const plain = await sampler.generate(requests, { temperature: 1, stopTokens: [3] });
    const ruled = await sampler.generate(requests, { temperature: 1, stopTokens: [3], rules: { topK: 0, topP: 1 } });
    expect(ruled).toEqual(plain);
  });

  test('no n-gram repeats, and no end token comes early', async () => {
    using sampler = new Sampler(config, weights, capacity);
    const stopTokens = Array.from({ length: 30 }, (_, i) => i);
    const rules = { noRepeatNgramSize: 2, minNewTokens: 6 };
    for (const [i, { tokens }] of (await sampler.generate(requests, { temperature: 1, stopTokens, rules })).entries()) {
      expect(tokens.length).toBeGreaterThanOrEqual(7);
      const whole = [...requests[i]!.prompt, ...tokens];
      const grams = whole.slice(1).map((token, at) => `${whole[at]} ${token}`);
      const own = grams.slice(requests[i]!.prompt.length - 1);
      expect(own.every((gram) => grams.indexOf(gram) === grams.lastIndexOf(gram))).toBe(true);
    }
  });

  test('a stop text ends a sequence across tokens, where it is complete and not before', async () => {
    using sampler = new Sampler(config, weights, capacity);
    const free = await sampler.generate(requests, { temperature: 1, stopTokens: [] });
    // Three tokens out of the middle of each text, and one text that never comes.
    for (const [i, { tokens }] of free.entries()) {
      const said = spell(tokens);
      const stopText = said.slice(5, 8);
      const [text] = await sampler.generate([requests[i]!], {
        temperature: 1,
        stopTokens: [],
        stopTexts: ['~~~', stopText],
        tokenTexts,
      });
      expect(text).toMatchObject({ stopReason: 'stop', stopText });
      expect(spell(text!.tokens)).toBe(said.slice(0, said.indexOf(stopText) + 3));
    }
  });

  test.each([
    [{ stopTexts: [''], tokenTexts }, 'expected stopTexts[0] to hold at least one character'],
    [{ stopTexts: ['a'] }, 'expected tokenTexts beside stopTexts'],
    [{ stopTexts: ['a'], tokenTexts: { ...tokenTexts, offsets: new Int32Array(3) } }, 'tokenTexts.offsets.length'],
    [{ rules: { topP: 2 } }, 'expected topP to be in [0, 1]'],
  ])('refuses %o', async (bad, message) => {
    using sampler = new Sampler(config, weights, capacity);
    await expect(sampler.generate(requests, { temperature: 1, stopTokens: [], ...bad })).rejects.toThrow(message);
  });
});
