import fc from 'fast-check';
import { expect, test } from 'vitest';
import { randomWeights } from './decoder-weights.testing.js';
import { type GenerateRequest, type NativeDecoderConfig, Sampler } from './index.js';

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
const weights = randomWeights(config);
const maxTokensPerSlot = 150;

/** Beginnings that many prompts share, then a few tokens. */
const stems = [
  [],
  [1, 2, 3],
  Array.from({ length: 40 }, (_, i) => i % 19),
  Array.from({ length: 70 }, (_, i) => i % 19),
];
const request: fc.Arbitrary<GenerateRequest> = fc.record({
  prompt: fc
    .tuple(fc.constantFrom(...stems), fc.array(fc.nat(18), { minLength: 1, maxLength: 4 }))
    .map(([stem, rest]) => Int32Array.from([...stem, ...rest])),
  maxNewTokens: fc.oneof(fc.integer({ min: 1, max: 70 }), fc.integer({ min: 50, max: 70 })),
  seed: fc.nat(2 ** 31),
});
const options = fc.record({
  temperature: fc.constantFrom(0, 0.5, 1, 2),
  stopTokens: fc.subarray([4]),
  rules: fc.constantFrom({}, { topP: 0.8, repetitionPenalty: 1.2 }, { topK: 5, minNewTokens: 3 }),
  untruncatedLogprobs: fc.boolean(),
});

test('whatever the cache, the places, the order and the neighbours, every text and log-prob keeps its bits', async () => {
  using alone = new Sampler(config, weights, { maxSlots: 1, maxTokensPerSlot });
  let preemptions = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(fc.array(request, { minLength: 2, maxLength: 9 }), options), { minLength: 1, maxLength: 3 }),
      fc.integer({ min: 2, max: 6 }),
      fc.integer({ min: 5, max: 9 }),
      fc.integer({ min: 1, max: 3 }),
      fc.boolean(),
      async (calls, maxSlots, panels, threads, isSlotGiven) => {
        const cacheTokens = panels * 32;
        using sampler = new Sampler(config, weights, { maxSlots, maxTokensPerSlot, cacheTokens });
        for (const [all, rules] of calls) {
          const requests = isSlotGiven ? all.slice(0, maxSlots).map((each, slot) => ({ ...each, slot })) : all;
          const texts = await sampler.generate(requests, { ...rules, threads });
          for (const [i, each] of requests.entries()) {
            alone.reset();
            expect(texts[i]).toEqual((await alone.generate([{ ...each, slot: 0 }], rules))[0]);
          }
          let held = 0;
          for (let slot = 0; slot < maxSlots; slot++) held += Math.ceil(sampler.slotTokens(slot).length / 32) * 32;
          expect(held).toBeLessThanOrEqual(cacheTokens);
        }
        preemptions += sampler.promptTokens().preemptions;
      },
    ),
    { numRuns: 150 },
  );
  // Else the property would say nothing about sequences that stop and go on.
  expect(preemptions).toBeGreaterThan(20);
}, 120_000);

test('groups of sequences that have turns of many tokens keep every bit', async () => {
  // 12 KiB a token: of some ten sequences and more, 5 to 13 have their turns together on one thread, half as many on each of two.
  const wide: NativeDecoderConfig = { ...config, numHeads: 12, numKvHeads: 12, headDim: 64 };
  const wideWeights = randomWeights(wide);
  using alone = new Sampler(wide, wideWeights, { maxSlots: 1, maxTokensPerSlot });
  await fc.assert(
    fc.asyncProperty(
      fc.array(request, { minLength: 12, maxLength: 24 }),
      options,
      fc.integer({ min: 12, max: 20 }),
      fc.option(fc.integer({ min: 22, max: 60 }), { nil: undefined }),
      fc.integer({ min: 1, max: 2 }),
      async (requests, rules, maxSlots, panels, threads) => {
        const cacheTokens = panels === undefined ? undefined : panels * 32;
        using sampler = new Sampler(wide, wideWeights, { maxSlots, maxTokensPerSlot, cacheTokens });
        const texts = await sampler.generate(requests, { ...rules, threads });
        for (const [i, each] of requests.entries()) {
          alone.reset();
          expect(texts[i]).toEqual((await alone.generate([{ ...each, slot: 0 }], rules))[0]);
        }
      },
    ),
    { numRuns: 60 },
  );
}, 120_000);

test('a group computes its prompt once, and the next turn what is new only', async () => {
  using sampler = new Sampler(config, weights, { maxSlots: 4, maxTokensPerSlot });
  const prompt = Int32Array.from({ length: 50 }, (_, i) => (i * 7) % 19);
  const group = Array.from({ length: 4 }, (_, seed) => ({ prompt, maxNewTokens: 20, seed }));
  const options = { temperature: 1, stopTokens: [] };
  const texts = await sampler.generate(group, options);
  expect(sampler.promptTokens()).toMatchObject({ computed: 50, reused: 150 });
  // Turn two of each member: what the model wrote, whose last token has no keys yet, and 9 tokens that came back.
  const next = texts.map(({ tokens }, seed) => ({
    prompt: Int32Array.from([...prompt, ...tokens, ...Array.from({ length: 9 }, (_, i) => (i + seed) % 19)]),
    maxNewTokens: 5,
    seed,
  }));
  await sampler.generate(next.reverse(), options);
  expect(sampler.promptTokens()).toMatchObject({ computed: 50 + 4 * 10, reused: 150 + 4 * 69 });
  // Twelve more of the group with places for four: those that join later still copy it.
  await sampler.generate(
    Array.from({ length: 12 }, (_, seed) => ({ prompt, maxNewTokens: 3 + (seed % 5), seed })),
    options,
  );
  const { computed, preemptions, recomputed } = sampler.promptTokens();
  expect(computed - 90).toBeLessThanOrEqual(12);
  expect({ preemptions, recomputed }).toEqual({ preemptions: 0, recomputed: 0 });
});

test('a place that becomes free is taken at once', async () => {
  using sampler = new Sampler(config, weights, { maxSlots: 2, maxTokensPerSlot });
  const requests = Array.from({ length: 30 }, (_, seed) => ({
    prompt: Int32Array.of(1 + (seed % 5), 2),
    maxNewTokens: 1 + ((seed * 5) % 11),
    seed,
  }));
  const texts = await sampler.generate(requests, { temperature: 1, stopTokens: [] });
  expect(texts.map(({ tokens }) => tokens.length)).toEqual(requests.map(({ maxNewTokens }) => maxNewTokens));
});

test('memory is predicted by the cache, not by the places', () => {
  const bytes = (cacheTokens?: number) =>
    Sampler.memoryBytes({ ...config, headDim: 32 }, { maxSlots: 64, maxTokensPerSlot: 4096, cacheTokens });
  // 32 tokens: keys and values of one head of 32, 2 layers, 4 bytes.
  expect(bytes(1056) - bytes(1024)).toBe(32 * 2 * 32 * 2 * 4);
  expect(bytes() - bytes(1024)).toBe((64 * 4096 - 1024) * 2 * 32 * 2 * 4);
});

test('a bounded cache gives memory back: many long texts in turn take no more than predicted', async () => {
  const wide = { ...config, headDim: 32, numKvHeads: 2 };
  const capacity = { maxSlots: 48, maxTokensPerSlot: 4096, cacheTokens: 3072 };
  using sampler = new Sampler(wide, randomWeights(wide), capacity);
  const prompt = (seed: number, length: number) => Int32Array.from({ length }, (_, i) => (i * (seed + 1) + seed) % 19);
  const generate = (length: number) =>
    sampler.generate(
      Array.from({ length: 48 }, (_, slot) => ({ slot, prompt: prompt(slot, length), maxNewTokens: 2, seed: slot })),
      { temperature: 1, stopTokens: [] },
    );
  await generate(20);
  const before = process.memoryUsage.rss();
  await generate(1000);
  // Without giving back: 48 x 1000 tokens of 2 KiB.
  expect(process.memoryUsage.rss() - before).toBeLessThan(sampler.memoryBytes + 32 * 2 ** 20);
  expect(sampler.memoryBytes).toBeLessThan(12 * 2 ** 20);
});

test('what can never fit is refused before anything runs', async () => {
  using sampler = new Sampler(config, weights, { maxSlots: 4, maxTokensPerSlot: 256, cacheTokens: 128 });
  const options = { temperature: 1, stopTokens: [] };
  const request = { prompt: Int32Array.from({ length: 100 }, () => 1), maxNewTokens: 29, seed: 1 };
  await expect(sampler.generate([{ ...request, maxNewTokens: 5 }, request], options)).rejects.toThrow(
    /expected requests\[1\] to fit cacheTokens 128 .* a prompt of 100 tokens and maxNewTokens 29/,
  );
  expect((await sampler.generate([{ ...request, maxNewTokens: 28 }], options))[0]!.tokens.length).toBe(28);
  await expect(sampler.generate([{ ...request, maxNewTokens: 5, slot: 0 }, request], options)).rejects.toThrow(
    /in all requests or in none/,
  );
  expect(() => new Sampler(config, weights, { maxSlots: 4, maxTokensPerSlot: 256, cacheTokens: 31 })).toThrow(/>= 32/);
});
