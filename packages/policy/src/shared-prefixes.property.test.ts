import { decoderConfigSchema } from '@parl-mt/schema';
import { selectBackend, tf } from '@parl-mt/tfjs-backend';
import fc from 'fast-check';
import { beforeAll, expect, test } from 'vitest';
import { Decoder } from './decoder.js';
import { type PackedBatch, packSequences } from './packing.js';

beforeAll(() => selectBackend('parl'));

const config = decoderConfigSchema.parse({
  hiddenSize: 24,
  numLayers: 2,
  numHeads: 4,
  numKvHeads: 2,
  intermediateSize: 40,
  vocabSize: 50,
});

/** Groups that begin alike, in the prompt or for some tokens of the answer too. */
const group = fc.record({
  prompt: fc.array(fc.nat(49), { minLength: 16, maxLength: 40 }),
  answers: fc.array(fc.tuple(fc.nat(20), fc.array(fc.nat(49), { minLength: 1, maxLength: 20 })), {
    minLength: 2,
    maxLength: 5,
  }),
});

function sequencesOf(groups: readonly { prompt: number[]; answers: [number, number[]][] }[]) {
  return groups.flatMap(({ prompt, answers }) =>
    answers.map(([kept, answer]) => {
      const alike = answers[0]![1].slice(0, kept);
      const tokens = [...prompt, ...alike, ...answer];
      return { tokens, lossMask: tokens.map((_, t) => Number(t >= prompt.length || t === 5)) };
    }),
  );
}

test.each([false, true])(
  'gradients are those of whole sequences, gradient checkpointing %s',
  (gradientCheckpointing) => {
    const decoder = Decoder.create(config, 3);
    fc.assert(
      fc.property(fc.array(group, { minLength: 1, maxLength: 2 }), (groups) => {
        const sequences = sequencesOf(groups);
        const gradientsOf = (batch: PackedBatch) => {
          // Weights that differ from target to target, in the order of the sequences, whatever rows they have.
          const weights = tf.tensor1d(Array.from(batch.targets, (_, i) => ((i * 7) % 11) / 11 - 0.4));
          const { loss, gradients } = decoder.lossGradients(
            batch,
            ({ logprobs, entropies }) =>
              tf.sum(tf.add(tf.mul(logprobs, weights), tf.mul(entropies, tf.square(weights)))).asScalar(),
            { gradientCheckpointing },
          );
          weights.dispose();
          const values = [...gradients].map(([name, gradient]) => [name, gradient.dataSync().slice()] as const);
          tf.dispose([...gradients.values()]);
          return { loss, values };
        };
        const [whole, shared] = [false, true].map(
          (sharePrefixes) => packSequences(sequences, 10_000, { sharePrefixes })[0]!,
        );
        expect(shared!.tokens.length).toBeLessThan(whole!.tokens.length);
        const used = packSequences(sequences, 10_000, { untilLastTarget: true })[0]!;
        expect(used.tokens.length).toBeLessThan(whole!.tokens.length);
        const [expected, found, ofUsed] = [gradientsOf(whole!), gradientsOf(shared!), gradientsOf(used)];
        expect(ofUsed.loss).toBe(expected.loss);
        for (const [i, [name, values]] of ofUsed.values.entries()) {
          const isSame = values.every((value, at) => value === expected.values[i]![1][at]!);
          expect(isSame, `${name} without the rows behind the last target`).toBe(true);
        }
        expect(found.loss).toBe(expected.loss);
        for (const [i, [name, values]] of expected.values.entries()) {
          let largest = 1;
          for (const value of values) largest = Math.max(largest, Math.abs(value));
          // A few hundred float32 terms in another order.
          for (const [at, value] of values.entries()) {
            expect(Math.abs(found.values[i]![1][at]! - value), `${name}[${at}]`).toBeLessThan(2e-5 * largest);
          }
        }
      }),
      { numRuns: 15 },
    );
    decoder.dispose();
  },
);
