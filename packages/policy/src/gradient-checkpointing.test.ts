import { type BackendName, decoderConfigSchema, loraConfigSchema } from '@parl-mt/schema';
import { parlBackend, selectBackend, tf } from '@parl-mt/tfjs-backend';
import { beforeAll, describe, expect, test } from 'vitest';
import { Decoder, type LossGradientOptions } from './decoder.js';
import { LoraAdapter } from './lora/lora-adapter.js';
import { type PackedBatch, packSequences } from './packing.js';

const shape = { vocabSize: 40, hiddenSize: 32, numHeads: 4, numKvHeads: 2, intermediateSize: 48 };
const sequences = [11, 1, 7, 16].map((length, s) => ({
  tokens: Array.from({ length }, (_, t) => (t * t * 7 + s * 13 + 3) % 40),
  lossMask: Array.from({ length }, (_, t) => Number(t > 3)),
}));
const batch = packSequences(sequences, 1000)[0]!;

/** A loss of log-probs and entropies, in which no two tokens count alike. */
function gradients(decoder: Decoder, options: LossGradientOptions, of: PackedBatch = batch) {
  const weights = tf.tensor1d(Array.from(of.targets, (_, i) => Math.sin(i) + 1.5));
  const result = decoder.lossGradients(
    of,
    ({ logprobs, entropies }) => tf.sub(tf.sum(tf.mul(entropies, 0.1)), tf.sum(tf.mul(logprobs, weights))).asScalar(),
    options,
  );
  weights.dispose();
  const values = [...result.gradients].map(([name, gradient]) => [name, [...gradient.dataSync()]] as const);
  tf.dispose([...result.gradients.values()]);
  return { loss: result.loss, values };
}

describe.each(['parl', 'cpu'] as BackendName[])('gradient checkpointing on backend %s', (backend) => {
  beforeAll(() => selectBackend(backend));

  test.each([1, 3])('gives the gradients of a plain pass, bit for bit; %d layers', (numLayers) => {
    const decoder = Decoder.create(decoderConfigSchema.parse({ ...shape, numLayers }), 5);
    const before = tf.memory().numTensors;
    for (const temperature of [1, 0.7]) {
      const plain = gradients(decoder, { temperature });
      expect(gradients(decoder, { temperature, gradientCheckpointing: true })).toEqual(plain);
      expect(plain.values).toHaveLength(decoder.weights.size);
    }
    expect(tf.memory().numTensors).toBe(before);
    decoder.dispose();
  });

  test('the same of an adapter with dropout, whose weights are constants', () => {
    const decoder = Decoder.create(decoderConfigSchema.parse({ ...shape, numLayers: 2 }), 5);
    const adapter = LoraAdapter.create(
      decoder.architecture,
      loraConfigSchema.parse({ rank: 4, dropout: 0.3, targets: ['q_proj', 'v_proj', 'down_proj'] }),
      9,
    );
    for (const { b } of adapter.pairs.values()) b.assign(tf.fill(b.shape, 0.05));
    decoder.attach(adapter);
    const before = tf.memory().numTensors;
    const plain = gradients(decoder, { dropoutStep: 3 });
    expect(gradients(decoder, { dropoutStep: 3, gradientCheckpointing: true })).toEqual(plain);
    expect(gradients(decoder, { dropoutStep: 4, gradientCheckpointing: true })).not.toEqual(plain);
    expect(plain.values.map(([name]) => name)).toEqual([...adapter.variables.keys()]);
    expect(tf.memory().numTensors).toBe(before);
  });
});

test.each([false, true])(
  'a gradient that is known before gives the same bits, a wrong one too; checkpointing %s',
  async (gradientCheckpointing) => {
    await selectBackend('parl');
    const decoder = Decoder.create(decoderConfigSchema.parse({ ...shape, numLayers: 2 }), 5);
    const weights = Float32Array.from(batch.targets, (_, i) => Math.fround(Math.sin(i) + 1.5));
    const before = tf.memory().numTensors;
    const likelihood = (expectedGradient?: Float32Array, entropy = 0) => {
      const constants = tf.tensor1d(weights);
      const { loss, gradients: found } = decoder.lossGradients(
        batch,
        ({ logprobs, entropies }) => {
          const likely = tf.neg(tf.sum(tf.mul(logprobs, constants)));
          return (entropy === 0 ? likely : tf.sub(likely, tf.sum(tf.mul(entropies, entropy)))).asScalar();
        },
        { gradientCheckpointing, expectedGradient },
      );
      constants.dispose();
      const values = [...found].map(([name, gradient]) => [name, [...gradient.dataSync()]]);
      tf.dispose([...found.values()]);
      return { loss, values };
    };
    const known = weights.map((weight) => -weight);
    expect(likelihood(known)).toEqual(likelihood());
    expect(likelihood(known.map((value) => 2 * value))).toEqual(likelihood());
    expect(likelihood(known, 0.1)).toEqual(likelihood(undefined, 0.1));
    expect(tf.memory().numTensors).toBe(before);
    expect(() => likelihood(known.subarray(1))).toThrow(/expectedGradient of length/);
  },
);

test('it holds less: the arena grows by the streams between layers and one layer', async () => {
  await selectBackend('parl');
  const decoder = Decoder.create(decoderConfigSchema.parse({ ...shape, numLayers: 12 }), 1);
  const long = packSequences(
    [
      {
        tokens: Array.from({ length: 512 }, (_, t) => (t * 7) % 40),
        lossMask: Array.from({ length: 512 }, (_, t) => +(t > 300)),
      },
    ],
    4096,
  )[0]!;
  const arena = (options: LossGradientOptions): number => {
    parlBackend().pool.trim();
    gradients(decoder, options, long);
    return parlBackend().pool.freeBytes;
  };
  const [plain, checkpointed] = [arena({}), arena({ gradientCheckpointing: true })];
  expect(checkpointed).toBeLessThan(plain / 2.5);
});
