import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { decoderLayersBackward, decoderLayersForward, isSmallDecoder, keptActivations } from './decoder-layers.js';
import { randomWeights } from './decoder-weights.testing.js';
import { NativeValueError, ShapeError } from './errors.js';
import type { NativeDecoderConfig } from './native-decoder.js';
import { nativeInfo, setThreads } from './native-info.js';
import { decoderLogitsReference, logSoftmaxReference } from './reference/decoder.js';
import { Sampler } from './sampler.js';
import { scoreTokens } from './score-tokens.js';

const config: NativeDecoderConfig = {
  vocabSize: 19,
  hiddenSize: 8,
  numLayers: 2,
  numHeads: 2,
  numKvHeads: 1,
  intermediateSize: 9,
  ropeTheta: 10_000,
  rmsNormEps: 1e-6,
};
const { threads } = nativeInfo();
afterAll(() => setThreads(threads));

/** Every token but the first of each sequence is a target. */
function batchOf(sequences: readonly (readonly number[])[]) {
  const offsets = [0];
  const targetRows: number[] = [];
  for (const sequence of sequences) {
    const first = offsets.at(-1)!;
    for (let t = 1; t < sequence.length; t += 1) targetRows.push(first + t - 1);
    offsets.push(first + sequence.length);
  }
  return {
    tokens: Int32Array.from(sequences.flat()),
    offsets: Int32Array.from(offsets),
    targetRows: Int32Array.from(targetRows),
    targets: Int32Array.from(sequences.flatMap((sequence) => sequence.slice(1))),
  };
}

const sequence = fc.array(fc.nat(18), { minLength: 1, maxLength: 40 });

describe('scoreTokens', () => {
  test.each([false, true])('agrees with a decoder in double precision; norms of heads %s', (qwen3) => {
    const weights = randomWeights(config, qwen3);
    fc.assert(
      fc.property(
        fc.array(sequence, { minLength: 1, maxLength: 6 }),
        fc.constantFrom(1, 0.5, 2),
        fc.integer({ min: 1, max: 3 }),
        (sequences, temperature, count) => {
          setThreads(count);
          const { logprobs, entropies } = scoreTokens(config, weights, batchOf(sequences), {
            temperature,
            entropy: true,
          });
          let i = 0;
          for (const tokens of sequences) {
            const rows = decoderLogitsReference(config, weights, tokens);
            for (let t = 1; t < tokens.length; t += 1, i += 1) {
              const distribution = logSoftmaxReference(rows[t - 1]!, temperature);
              expect(logprobs[i]).toBeCloseTo(distribution[tokens[t]!]!, 3);
              const entropy = distribution.reduce((sum, logprob) => sum - Math.exp(logprob) * logprob, 0);
              expect(entropies[i]).toBeCloseTo(entropy, 3);
            }
          }
          expect(i).toBe(logprobs.length);
        },
      ),
      { numRuns: 40 },
    );
  });

  test('gives the bits that a sampler drew with', async () => {
    const weights = randomWeights(config, true);
    using sampler = new Sampler(config, weights, { maxSlots: 9, maxTokensPerSlot: 60 });
    const prompts = Array.from({ length: 9 }, (_, slot) =>
      Int32Array.from({ length: 5 + slot }, (_, t) => (t * slot) % 19),
    );
    const texts = await sampler.generate(
      prompts.map((prompt, slot) => ({ slot, prompt, maxNewTokens: 30, seed: slot })),
      { temperature: 0.8, stopTokens: [] },
    );
    const { logprobs } = scoreTokens(
      config,
      weights,
      batchOf(texts.map(({ tokens }, s) => [...prompts[s]!, ...tokens])),
      {
        temperature: 0.8,
      },
    );
    let i = 0;
    for (const [s, text] of texts.entries()) {
      i += prompts[s]!.length - 1;
      expect(logprobs.slice(i, i + text.tokens.length)).toEqual(text.logprobs);
      i += text.tokens.length;
    }
  });

  const weights = randomWeights(config);
  const batch = batchOf([[1, 2, 3], [4]]);
  test.each([
    [{ tokens: Int32Array.of(1, 2, 3) }, /tokens.length to be 4/],
    [{ tokens: Int32Array.of(1, 2, 3, 19) }, /tokens\[3\] to be in 0..18/],
    [{ offsets: Int32Array.of(0, 5, 4) }, /offsets to ascend/],
    [{ offsets: new Int32Array(0) }, /offsets to start with 0/],
    [{ parents: Int32Array.of(0, -1) }, /parents\[0\] to be -1 or an earlier segment/],
    [{ parents: Int32Array.of(-1) }, /parents.length to be 2/],
    [{ targetRows: Int32Array.of(0, 4) }, /targetRows\[1\] to be in 0..3/],
    [{ targetRows: Int32Array.of(0) }, /targetRows.length to be 2/],
    [{ targets: Int32Array.of(0, -1) }, /targets\[1\] to be in 0..18/],
  ])('refuses %o', (change, message) => {
    expect(() => scoreTokens(config, weights, { ...batch, ...change })).toThrow(ShapeError);
    expect(() => scoreTokens(config, weights, { ...batch, ...change })).toThrow(message);
  });

  test('refuses what is no temperature, and weights that do not fit', () => {
    expect(() => scoreTokens(config, weights, batch, { temperature: 0 })).toThrow(NativeValueError);
    expect(() => scoreTokens({ ...config, hiddenSize: 12 }, weights, batch)).toThrow(/weights.embedding.length/);
  });
});

describe('the layers with their gradient', () => {
  const weights = randomWeights(config);
  const batch = batchOf([
    [1, 2, 3, 4],
    [5, 6],
  ]);
  const arrays = () => {
    const kept = new Float32Array(keptActivations(config, weights, batch));
    const hidden = new Float32Array(batch.targetRows.length * config.hiddenSize);
    return { kept, hidden, gradients: structuredClone(weights) };
  };

  test('leave every array but their own as it is, and refuse those that do not fit', () => {
    const { kept, hidden, gradients } = arrays();
    const before = structuredClone(weights);
    decoderLayersForward(config, weights, batch, kept, hidden);
    decoderLayersBackward(config, weights, batch, hidden, kept, gradients);
    expect(weights).toEqual(before);
    expect(() => decoderLayersForward(config, weights, batch, kept.subarray(1), hidden)).toThrow(/kept.length/);
    expect(() => decoderLayersForward(config, weights, batch, kept, hidden.subarray(1))).toThrow(/hidden.length/);
    expect(() => decoderLayersForward(config, weights, batch, kept, kept.subarray(0, hidden.length))).toThrow(/kept/);
    expect(() => decoderLayersForward({ ...config, adapterRank: 2 }, weights, batch, kept, hidden)).toThrow(
      /without adapters/,
    );
    const short = { ...gradients, finalNorm: new Float32Array(7) };
    expect(() => decoderLayersBackward(config, weights, batch, hidden, kept, short)).toThrow(/finalNorm.length/);
    const unbiased = { ...gradients, layers: gradients.layers.map(({ qBias: _, ...layer }) => layer) };
    expect(() => decoderLayersBackward(config, weights, batch, hidden, kept, unbiased)).toThrow(
      /each weight of layer 0/,
    );
  });

  test('know a decoder that stays in the caches', () => {
    expect(isSmallDecoder(config)).toBe(true);
    expect(isSmallDecoder({ ...config, vocabSize: 2 ** 21 })).toBe(false);
  });
});
