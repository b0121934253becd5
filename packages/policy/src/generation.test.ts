import { type BackendName, decoderConfigSchema } from '@parl-mt/schema';
import { AdamW, selectBackend, tf } from '@parl-mt/tfjs-backend';
import { beforeAll, describe, expect, test } from 'vitest';
import { Decoder } from './decoder.js';
import { createGenerator, type GenerationRequest } from './generation.js';
import { packSequences } from './packing.js';

const config = decoderConfigSchema.parse({
  vocabSize: 61,
  hiddenSize: 32,
  numLayers: 2,
  numHeads: 4,
  numKvHeads: 2,
  intermediateSize: 40,
});
const capacity = { maxSlots: 8, maxTokensPerSlot: 64 };

/** Prompts of different length, two of them equal, as in a group. */
const requests: GenerationRequest[] = [5, 1, 9, 9].map((length, slot) => ({
  slot,
  prompt: Array.from({ length }, (_, t) => (t * 11 + length) % 61),
  maxNewTokens: 20,
  seed: 1000 + slot,
}));

describe.each(['parl', 'cpu'] as BackendName[])('generation on backend %s', (backend) => {
  beforeAll(() => selectBackend(backend));

  test.each([1, 0.7])(
    'log-probs are those of the decoder at temperature %d: packed, alone, in another order',
    async (temperature) => {
      const decoder = Decoder.create(config, 1);
      using generator = createGenerator(decoder, capacity);
      const texts = await generator.generate(requests, { temperature, stopTokens: [] });
      const sequences = texts.map(({ tokens }, i) => ({
        tokens: [...requests[i]!.prompt, ...tokens],
        lossMask: [...requests[i]!.prompt.map(() => 0), ...tokens].map((_, t) =>
          Number(t >= requests[i]!.prompt.length),
        ),
      }));
      const decoded = (some: typeof sequences) => {
        const batch = packSequences(some, 10_000)[0]!;
        return [...tf.tidy(() => decoder.logprobs(batch, { temperature }).logprobs.dataSync())];
      };
      const sampled = texts.map(({ logprobs }) => [...logprobs]);
      const packed = decoded(sequences);
      const alone = sequences.flatMap((sequence) => decoded([sequence]));
      if (backend === 'parl') {
        // The ratio of the first update is exactly 1.
        expect(packed).toEqual(sampled.flat());
        expect(alone).toEqual(sampled.flat());
        expect(decoded([...sequences].reverse())).toEqual([...sampled].reverse().flat());
      } else {
        packed.forEach((value, i) => {
          expect(value).toBeCloseTo(sampled.flat()[i]!, 4);
        });
      }
    },
  );

  test('a text depends on prompt and seed alone, not on its neighbours', async () => {
    const decoder = Decoder.create(config, 2);
    using generator = createGenerator(decoder, capacity);
    const options = { temperature: 1, stopTokens: [] };
    const together = await generator.generate(requests, options);
    generator.weightsChanged();
    for (const [i, request] of requests.entries()) {
      const [alone] = await generator.generate([{ ...request, slot: 7 - i }], options);
      if (backend === 'parl') expect(alone).toEqual(together[i]);
      expect(alone!.tokens).toEqual(together[i]!.tokens);
    }
    const [other] = await generator.generate([{ ...requests[0]!, seed: 5 }], options);
    expect(other!.tokens).not.toEqual(together[0]!.tokens);
  });

  test('a stop token ends a text and is part of it', async () => {
    const decoder = Decoder.create(config, 3);
    using generator = createGenerator(decoder, capacity);
    const stopTokens = Array.from({ length: 20 }, (_, i) => i);
    const texts = await generator.generate(requests, { temperature: 1, stopTokens });
    for (const { tokens, logprobs, stopReason } of texts) {
      expect(logprobs.length).toBe(tokens.length);
      expect(tokens.subarray(0, -1).every((token) => token >= 20)).toBe(true);
      expect(stopReason).toBe(tokens.at(-1)! < 20 ? 'stop' : 'length');
    }
    expect(texts.some(({ stopReason }) => stopReason === 'stop')).toBe(true);
  });

  test('after an update, texts are those of the new weights', async () => {
    const decoder = Decoder.create(config, 4);
    using generator = createGenerator(decoder, capacity);
    const options = { temperature: 0, stopTokens: [] };
    const before = await generator.generate(requests, options);
    const optimizer = new AdamW(decoder.trainable);
    const batch = packSequences([{ tokens: [5, 6, 5, 6, 5, 6], lossMask: [0, 1, 1, 1, 1, 1] }], 100)[0]!;
    for (let i = 0; i < 10; i++) {
      const { gradients } = decoder.gradients(() => tf.neg(tf.mean(decoder.logprobs(batch).logprobs)).asScalar());
      optimizer.update(gradients, { learningRate: 0.02 });
      tf.dispose([...gradients.values()]);
    }
    generator.weightsChanged();
    const after = await generator.generate(requests, options);
    expect(after.map(({ tokens }) => tokens)).not.toEqual(before.map(({ tokens }) => tokens));
    const fresh = createGenerator(decoder, capacity);
    expect(await fresh.generate(requests, options)).toEqual(after);
  });

  test('a request that does not fit is refused', async () => {
    const decoder = Decoder.create(config, 5);
    using generator = createGenerator(decoder, capacity);
    const options = { temperature: 1, stopTokens: [] };
    const request = { slot: 0, prompt: [1], maxNewTokens: 64, seed: 1 };
    await expect(generator.generate([request], options)).rejects.toThrow(/expected requests\[0\] to/);
    await expect(generator.generate([{ ...request, maxNewTokens: 2, prompt: [] }], options)).rejects.toThrow(/prompt/);
  });
});

test('both backends draw by the same rule: same seeds, same texts', async () => {
  const texts: Int32Array[][] = [];
  for (const backend of ['parl', 'cpu'] as const) {
    await selectBackend(backend);
    using generator = createGenerator(Decoder.create(config, 6), capacity);
    texts.push((await generator.generate(requests, { temperature: 1, stopTokens: [] })).map(({ tokens }) => tokens));
  }
  // Rounding of the logits differs; a uniform number would have to fall within 1e-6 of a boundary to show it.
  expect(texts[0]).toEqual(texts[1]);
});
