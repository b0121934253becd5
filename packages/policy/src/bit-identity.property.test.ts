import { type IsaName, nativeInfo, setIsa, setThreads } from '@parl-mt/native';
import { decoderConfigSchema } from '@parl-mt/schema';
import { selectBackend, tf } from '@parl-mt/tfjs-backend';
import fc from 'fast-check';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { Decoder } from './decoder.js';
import { createGenerator } from './generation.js';
import { type PackingOptions, packSequences, type TrainingSequence } from './packing.js';

const { isa, isas, threads } = nativeInfo();
beforeAll(() => selectBackend('parl'));
afterEach(() => {
  setIsa(isa);
  setThreads(threads);
});

/** Widths that are no multiple of a vector, grouped heads, one layer and several. */
const config = fc
  .record({
    heads: fc.constantFrom([1, 1], [3, 1], [4, 2], [2, 2]),
    headDim: fc.constantFrom(2, 6, 8),
    numLayers: fc.constantFrom(1, 3),
    vocabSize: fc.constantFrom(17, 64, 131),
    intermediateSize: fc.constantFrom(5, 24),
    initialization: fc.constantFrom('normal', 'mimetic'),
  })
  .map(({ heads, headDim, ...rest }) =>
    decoderConfigSchema.parse({
      ...rest,
      numHeads: heads[0],
      numKvHeads: heads[1],
      hiddenSize: heads[0]! * headDim,
    }),
  );

/** Prompts of which some begin alike, as in a group, and continuations for a second turn. */
const prompts = fc
  .record({
    shared: fc.array(fc.nat(16), { maxLength: 30, size: 'max' }),
    tails: fc.array(fc.array(fc.nat(16), { minLength: 1, maxLength: 9 }), { minLength: 1, maxLength: 6 }),
    secondTurn: fc.array(fc.nat(16), { minLength: 1, maxLength: 5 }),
  })
  .map(({ shared, tails, secondTurn }) => ({
    prompts: tails.map((tail, i) => (i % 3 === 2 ? tail : [...shared, ...tail])),
    secondTurn,
  }));

const drawn = fc.record({
  config,
  ...{ conversation: prompts },
  temperature: fc.constantFrom(1, 0.6, 1.7),
  seed: fc.nat(1000),
});

interface Sampled {
  readonly sequence: TrainingSequence;
  readonly logprobs: readonly number[];
}

/** Two turns of every conversation: the second one continues in its slot, on the keys and values of the first. */
async function sample(
  decoder: Decoder,
  conversations: readonly (readonly number[])[],
  { temperature, seed, secondTurn }: { temperature: number; seed: number; secondTurn: readonly number[] },
  seedOf: (conversation: number) => number = (i) => seed + i,
): Promise<Sampled[]> {
  using generator = createGenerator(decoder, { maxSlots: 8, maxTokensPerSlot: 64 });
  const options = { temperature, stopTokens: [] };
  const turn = (prompt: readonly number[], slot: number) => ({ slot, prompt, maxNewTokens: 6, seed: seedOf(slot) });
  const first = await generator.generate(conversations.map(turn), options);
  const continued = conversations.map((prompt, i) => [...prompt, ...first[i]!.tokens, ...secondTurn]);
  const second = await generator.generate(continued.map(turn), options);
  return conversations.map((prompt, i) => ({
    sequence: {
      tokens: [...continued[i]!, ...second[i]!.tokens],
      lossMask: [
        ...prompt.map(() => 0),
        ...Array<number>(6).fill(1),
        ...secondTurn.map(() => 0),
        ...Array<number>(6).fill(1),
      ],
    },
    logprobs: [...first[i]!.logprobs, ...second[i]!.logprobs],
  }));
}

/** Log-probs of the masked tokens of each sequence, from the training forward over batches of at most `batchTokens`. */
function trained(
  decoder: Decoder,
  sequences: readonly TrainingSequence[],
  temperature: number,
  batchTokens = 10_000,
  options: PackingOptions = {},
): number[][] {
  return packSequences(sequences, batchTokens, options).flatMap((batch) => {
    const logprobs = tf.tidy(() => decoder.logprobs(batch, { temperature }).logprobs.dataSync());
    return Array.from(batch.sequences, (_, i) => [
      ...logprobs.subarray(batch.targetOffsets[i], batch.targetOffsets[i + 1]),
    ]);
  });
}

describe.each(['portable', 'avx2', 'avx512'] as IsaName[])('log-probs on %s', (name) => {
  const has = isas.includes(name);
  if (!has) console.log(`${name}: skipped, this CPU does not have it`);

  test.skipIf(!has)(
    'are the same bits sampled, trained, alone, packed in any order, and on any number of threads',
    async () => {
      setIsa(name);
      await fc.assert(
        fc.asyncProperty(
          drawn,
          fc.infiniteStream(fc.nat()),
          async ({ config: shape, conversation, ...rest }, order) => {
            const decoder = Decoder.create(shape, 1 + rest.seed);
            const options = { ...rest, secondTurn: conversation.secondTurn };
            const { temperature } = options;
            setThreads(2);
            const sampled = await sample(decoder, conversation.prompts, options);
            const expected = sampled.map(({ logprobs }) => logprobs);
            const sequences = sampled.map(({ sequence }) => sequence);
            for (const count of [1, 2, 5]) {
              setThreads(count);
              expect(trained(decoder, sequences, temperature)).toEqual(expected);
            }
            // Alone, in micro-batches of about two, and shuffled.
            expect(sequences.map((sequence) => trained(decoder, [sequence], temperature)[0])).toEqual(expected);
            expect(trained(decoder, sequences, temperature, 50)).toEqual(expected);
            // With what they have in common computed once.
            expect(trained(decoder, sequences, temperature, 10_000, { sharePrefixes: true })).toEqual(expected);
            expect(trained(decoder, sequences, temperature, 70, { sharePrefixes: true })).toEqual(expected);
            // Without the rows that no target needs.
            for (const sharePrefixes of [false, true]) {
              const used = { sharePrefixes, untilLastTarget: true };
              expect(trained(decoder, sequences, temperature, 70, used)).toEqual(expected);
            }
            const keys = sequences.map((_, i) => [order.next().value, i] as const);
            const shuffled = keys.sort(([a], [b]) => a - b).map(([, i]) => i);
            expect(
              trained(
                decoder,
                shuffled.map((i) => sequences[i]!),
                temperature,
              ),
            ).toEqual(shuffled.map((i) => expected[i]));
            // Sampled alone, in another slot, on one thread.
            setThreads(1);
            for (const [i, prompt] of conversation.prompts.entries()) {
              const [again] = await sample(decoder, [prompt], options, () => options.seed + i);
              expect(again).toEqual(sampled[i]);
            }
            // So the first ratio is exactly 1.
            const ratios = trained(decoder, sequences, temperature).map((row, i) =>
              row.map((logprob, t) => Math.exp(logprob - expected[i]![t]!)),
            );
            expect(ratios.flat().every((ratio) => ratio === 1)).toBe(true);
            decoder.dispose();
          },
        ),
        { numRuns: 15 },
      );
    },
    120_000,
  );

  test.skipIf(!has)('have the same gradients, bit for bit, on any number of threads', async () => {
    setIsa(name);
    await fc.assert(
      fc.asyncProperty(config, fc.nat(100), async (shape, seed) => {
        const decoder = Decoder.create(shape, seed);
        const sequences = [13, 1, 40, 7].map((length, s) => ({
          tokens: Array.from({ length }, (_, t) => (t * t * 3 + s * 5) % 17),
          lossMask: Array<number>(length).fill(1),
        }));
        const batch = packSequences(sequences, 1000)[0]!;
        const bits = (count: number): Int32Array[] => {
          setThreads(count);
          const { gradients } = decoder.gradients(() => {
            const { logprobs, entropies } = decoder.logprobs(batch);
            return tf.sum(tf.sub(logprobs, tf.mul(entropies, 0.1))).asScalar();
          });
          return [...gradients.values()].map((gradient) => {
            const values = gradient.dataSync() as Float32Array;
            gradient.dispose();
            return new Int32Array(values.slice().buffer);
          });
        };
        const alone = bits(1);
        expect(bits(2)).toEqual(alone);
        expect(bits(5)).toEqual(alone);
        decoder.dispose();
      }),
      { numRuns: 10 },
    );
  });
});
