import { type IsaName, nativeInfo, setIsa, setThreads } from '@parl-mt/native';
import { parlBackend, selectBackend, tf } from '@parl-mt/tfjs-backend';
import fc from 'fast-check';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { DecoderFamily } from './architectures/decoder-architecture.js';
import type { Decoder, LossGradientOptions } from './decoder.js';
import { type PackedBatch, packSequences } from './packing.js';
import { randomDecoder, randomSequences } from './random-decoder.testing.js';

const { isa, isas, threads } = nativeInfo();
beforeAll(() => selectBackend('parl'));
afterEach(() => {
  setIsa(isa);
  setThreads(threads);
});

const drawn = fc.record({
  family: fc.constantFrom<DecoderFamily>('qwen2', 'qwen3', 'llama'),
  numLayers: fc.integer({ min: 1, max: 3 }),
  lengths: fc.array(fc.integer({ min: 1, max: 90 }), { minLength: 1, maxLength: 12 }),
  seed: fc.nat(1000),
  threads: fc.integer({ min: 1, max: 4 }),
  sharePrefixes: fc.boolean(),
  untilLastTarget: fc.boolean(),
});

/** A loss of log-probs and entropies, in which no two targets count alike. */
function gradientsOf(decoder: Decoder, batch: PackedBatch, options: LossGradientOptions = {}) {
  const weights = tf.tensor1d(Array.from(batch.targets, (_, i) => Math.sin(i) + 1.5));
  const { loss, gradients } = decoder.lossGradients(
    batch,
    ({ logprobs, entropies }) => tf.sub(tf.sum(tf.mul(entropies, 0.1)), tf.sum(tf.mul(logprobs, weights))).asScalar(),
    options,
  );
  weights.dispose();
  const values = new Map([...gradients].map(([name, gradient]) => [name, gradient.dataSync().slice()]));
  tf.dispose([...gradients.values()]);
  return { loss, values };
}

describe.each(['portable', 'avx2', 'avx512'] as IsaName[])('the layers as one op on %s', (name) => {
  const has = isas.includes(name);
  if (!has) console.log(`${name}: skipped, this CPU does not have it`);

  // Gradient checkpointing goes layer by layer, op by op.
  test.skipIf(!has)('give the gradients of the ops one by one, bit for bit, on any number of threads', () => {
    setIsa(name);
    fc.assert(
      fc.property(drawn, ({ family, numLayers, lengths, seed, sharePrefixes, untilLastTarget, ...rest }) => {
        const decoder = randomDecoder(family, seed, { numLayers });
        const sequences = randomSequences(lengths, seed);
        const [batch] = packSequences(sequences, 1e6, { sharePrefixes, untilLastTarget });
        if (batch!.targets.length > 0) {
          setThreads(2);
          const byOps = gradientsOf(decoder, batch!, { gradientCheckpointing: true });
          setThreads(rest.threads);
          const before = tf.memory().numTensors;
          const asOne = gradientsOf(decoder, batch!);
          expect(tf.memory().numTensors).toBe(before);
          expect(asOne.loss).toBe(byOps.loss);
          expect([...asOne.values.keys()]).toEqual([...byOps.values.keys()]);
          for (const [weight, values] of asOne.values) {
            // A gradient of a token that does not occur may be 0 on one way and -0 on the other.
            expect(values.map((value) => value + 0)).toEqual(byOps.values.get(weight)!.map((value) => value + 0));
          }
        }
        decoder.dispose();
      }),
      { numRuns: 40 },
    );
  });
});

test('a direction in which the weights move changes the loss as the gradient says', () => {
  const decoder = randomDecoder('qwen3', 7, { headDim: 8 });
  const [batch] = packSequences(randomSequences([40, 70, 60, 30, 90], 4), 1e6, { sharePrefixes: true });
  const { values } = gradientsOf(decoder, batch!);
  let square = 0;
  for (const gradient of values.values()) for (const value of gradient) square += value * value;
  const lossAt = (step: number): number => {
    const moved = randomDecoder('qwen3', 7, { headDim: 8 });
    for (const [name, variable] of moved.trainable) {
      const gradient = tf.tensor(values.get(name)!, variable.shape);
      variable.assign(tf.add(variable, tf.mul(gradient, step / Math.sqrt(square))));
    }
    const { loss } = gradientsOf(moved, batch!, { gradientCheckpointing: true });
    moved.dispose();
    return loss;
  };
  const slope = (lossAt(0.01) - lossAt(-0.01)) / 0.02;
  expect(slope / Math.sqrt(square)).toBeCloseTo(1, 2);
  decoder.dispose();
});

test('what it kept is free for the next step', () => {
  const decoder = randomDecoder('qwen2', 7);
  const [batch] = packSequences(randomSequences([40, 70, 60], 4), 1e6);
  gradientsOf(decoder, batch!);
  const held = parlBackend().pool.freeBytes;
  for (let step = 0; step < 5; step += 1) gradientsOf(decoder, batch!);
  expect(parlBackend().pool.freeBytes).toBe(held);
  decoder.dispose();
});
