import fc from 'fast-check';
import { afterAll, expect, test } from 'vitest';
import { randomWeights } from './decoder-weights.testing.js';
import { type GenerateRequest, type NativeDecoderConfig, nativeInfo, Sampler, setIsa } from './index.js';

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
const capacity = { maxSlots: 5, maxTokensPerSlot: 90 };
const before = nativeInfo();
afterAll(() => setIsa(before.isa));

/** Beginnings that many prompts share, so that slots and requests have prefixes in common, then a few tokens. */
const stems = [
  [],
  [1],
  [1, 2, 3],
  Array.from({ length: 40 }, (_, i) => i % 19),
  Array.from({ length: 60 }, (_, i) => i % 19),
];
const prompt = fc
  .tuple(fc.constantFrom(...stems), fc.array(fc.nat(18), { minLength: 1, maxLength: 4 }))
  .map(([stem, rest]) => Int32Array.from([...stem, ...rest]));
const request = (slot: number): fc.Arbitrary<GenerateRequest> =>
  fc.record({ slot: fc.constant(slot), prompt, maxNewTokens: fc.integer({ min: 1, max: 20 }), seed: fc.nat(2 ** 31) });
const call = fc.record({
  requests: fc
    .subarray([0, 1, 2, 3, 4], { minLength: 1 })
    .chain((slots) => fc.shuffledSubarray(slots, { minLength: slots.length }))
    .chain((slots) => fc.tuple(...slots.map(request))),
  options: fc.record({
    temperature: fc.constantFrom(0, 0.5, 1, 2),
    stopTokens: fc.subarray([4, 11]),
    threads: fc.integer({ min: 1, max: 3 }),
  }),
});

test.each(before.isas)(
  'whatever was generated before and beside it, a text is that of a sampler of its own, on %s',
  async (isa) => {
    setIsa(isa);
    using alone = new Sampler(config, weights, { maxSlots: 1, maxTokensPerSlot: 90 });
    await fc.assert(
      fc.asyncProperty(fc.array(call, { minLength: 1, maxLength: 4 }), async (calls) => {
        using sampler = new Sampler(config, weights, capacity);
        let spared = 0;
        for (const { requests, options } of calls) {
          const texts = await sampler.generate(requests, options);
          for (const [i, each] of requests.entries()) {
            alone.reset();
            expect(texts[i]).toEqual((await alone.generate([{ ...each, slot: 0 }], options))[0]);
            // The slot holds the prompt and all new tokens but the last.
            expect([...sampler.slotTokens(each.slot!)]).toEqual([...each.prompt, ...texts[i]!.tokens.subarray(0, -1)]);
          }
          const { computed, reused } = sampler.promptTokens();
          spared += requests.reduce((sum, each) => sum + each.prompt.length, 0);
          expect(computed + reused).toBe(spared);
        }
      }),
      { numRuns: 60 },
    );
  },
);
