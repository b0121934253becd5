import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fromBfloat16, toBfloat16, type WeightValues } from '@parl-mt/native';
import { type BackendName, decoderConfigSchema, loraConfigSchema, UsageError } from '@parl-mt/schema';
import { AdamW, HalfMatrix, readVariable, readWeight, selectBackend, tf } from '@parl-mt/tfjs-backend';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Decoder } from './decoder.js';
import { createGenerator } from './generation.js';
import { LoraAdapter } from './lora/lora-adapter.js';
import { mergeAdapter } from './lora/merge-adapter.js';
import { exportModel } from './model-files/export-model.js';
import { loadModel } from './model-files/load-model.js';
import { packSequences } from './packing.js';

const config = decoderConfigSchema.parse({
  vocabSize: 40,
  hiddenSize: 24,
  numLayers: 2,
  numHeads: 4,
  numKvHeads: 2,
  intermediateSize: 36,
});
const folders: string[] = [];
afterAll(async () => {
  for (const folder of folders) await rm(folder, { recursive: true });
});

/** Constant matrices, and variables of the same values. */
function twins(seed: number): { half: Decoder; wide: Decoder } {
  const fresh = Decoder.create(config, seed);
  const values = new Map<string, WeightValues>();
  const widened = new Map<string, WeightValues>();
  for (const [name, variable] of fresh.trainable) {
    const own = readVariable(variable);
    const halves = toBfloat16(own);
    values.set(name, variable.shape.length === 2 ? halves : own);
    widened.set(name, variable.shape.length === 2 ? fromBfloat16(halves) : own.slice());
  }
  fresh.dispose();
  return {
    half: Decoder.fromWeights(fresh.architecture, values),
    wide: Decoder.fromWeights(fresh.architecture, widened),
  };
}

const batchOf = (seed: number) =>
  packSequences(
    [11, 7, 16].map((length, s) => ({
      tokens: Array.from({ length }, (_, t) => (t * t * 7 + s * 13 + seed) % 40),
      lossMask: Array.from({ length }, (_, t) => Number(t > 2)),
    })),
    1000,
  )[0]!;

/** Losses and adapter after some updates, dropout included. */
function tuned(decoder: Decoder, seed: number, gradientCheckpointing: boolean): number[][] {
  const lora = loraConfigSchema.parse({ rank: 3, alpha: 6, dropout: 0.2 });
  const adapter = LoraAdapter.create(decoder.architecture, lora, seed);
  decoder.attach(adapter);
  const optimizer = new AdamW(decoder.trainable, { weightDecay: 0 });
  const losses: number[] = [];
  const batch = batchOf(seed);
  const expectedGradient = new Float32Array(batch.targets.length).fill(-1 / batch.targets.length);
  for (let step = 0; step < 3; step += 1) {
    const { loss, gradients } = decoder.lossGradients(
      batch,
      ({ logprobs }) => tf.neg(tf.sum(tf.mul(logprobs, 1 / batch.targets.length))).asScalar(),
      { dropoutStep: step, gradientCheckpointing, expectedGradient },
    );
    losses.push(loss);
    optimizer.update(gradients, { learningRate: 0.02 });
    tf.dispose([...gradients.values()]);
  }
  return [losses, ...[...adapter.variables.values()].map((variable) => [...readVariable(variable)])];
}

describe.each(['parl', 'cpu'] as BackendName[])('weights in bfloat16 on backend %s', (backend) => {
  beforeAll(() => selectBackend(backend));

  test('score, train an adapter and sample as float32 weights of the same values do: bit for bit on parl', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(1000), fc.boolean(), async (seed, gradientCheckpointing) => {
        const { half, wide } = twins(seed);
        expect(half.weights.get('model.embed_tokens.weight')).toBeInstanceOf(HalfMatrix);
        const tensors = tf.memory().numTensors;
        const [ours, theirs] = [half, wide].map((decoder) => {
          const scored = tf.tidy(() => {
            const { logprobs, entropies } = decoder.logprobs(batchOf(seed), { temperature: 0.7 });
            return [...logprobs.dataSync(), ...entropies.dataSync()];
          });
          return [scored, ...tuned(decoder, seed, gradientCheckpointing)];
        });
        if (backend === 'parl') expect(ours).toEqual(theirs);
        else {
          for (const [i, row] of ours!.entries()) {
            for (const [j, value] of row.entries()) expect(value).toBeCloseTo(theirs![i]![j]!, 4);
          }
        }
        const texts = [];
        for (const decoder of [half, wide]) {
          using generator = createGenerator(decoder, { maxSlots: 2, maxTokensPerSlot: 32 });
          const prompts = [
            [3, 9, 1],
            [7, 7],
          ];
          texts.push(
            await generator.generate(
              prompts.map((prompt, slot) => ({ slot, prompt, maxNewTokens: 6, seed: seed + slot })),
              { temperature: 1, stopTokens: [] },
            ),
          );
        }
        expect(texts[0]!.map(({ tokens }) => [...tokens])).toEqual(texts[1]!.map(({ tokens }) => [...tokens]));
        if (backend === 'parl') expect(texts[0]).toEqual(texts[1]);
        for (const decoder of [half, wide]) decoder.adapter!.dispose();
        // What is left beside the weights is the optimizers' moments on backends that keep them in tensors.
        if (backend === 'parl') expect(tf.memory().numTensors).toBe(tensors);
        half.dispose();
        wide.dispose();
      }),
      { numRuns: backend === 'parl' ? 10 : 2 },
    );
  });
});

describe('constants', () => {
  beforeAll(() => selectBackend('parl'));

  test('are not trained, nor changed by an adapter', () => {
    const { half, wide } = twins(1);
    expect(() => half.trainable).toThrow(
      new UsageError('expected an adapter to train, since the weights in bfloat16 are constants'),
    );
    const adapter = LoraAdapter.create(half.architecture, loraConfigSchema.parse({}), 1);
    expect(() => mergeAdapter(half, adapter)).toThrow(/expected float32 weights to put an adapter into/);
    for (const decoder of [adapter, half, wide]) decoder.dispose();
  });

  test('come from a file and go into one: exact from bfloat16, rounded from float32', async () => {
    const folder = await mkdtemp(path.join(tmpdir(), 'half-'));
    folders.push(folder);
    const fresh = Decoder.create(config, 3);
    await exportModel(path.join(folder, 'wide'), fresh);
    const { decoder: half } = await loadModel(path.join(folder, 'wide'), 'bfloat16');
    for (const [name, variable] of fresh.trainable) {
      const own = readVariable(variable);
      const expected = variable.shape.length === 2 ? fromBfloat16(toBfloat16(own)) : own;
      expect(readWeight(half.weights.get(name)!), name).toEqual(expected);
    }
    await exportModel(path.join(folder, 'half'), half, { dtype: 'bfloat16' });
    await exportModel(path.join(folder, 'again'), half);
    for (const saved of ['half', 'again']) {
      const { decoder: read } = await loadModel(path.join(folder, saved), 'bfloat16');
      for (const [name, weight] of half.weights) {
        // A file in bfloat16 has the norms so too.
        const own = readWeight(weight);
        const written = saved === 'half' ? fromBfloat16(toBfloat16(own)) : own;
        expect(readWeight(read.weights.get(name)!), name).toEqual(written);
      }
      read.dispose();
    }
    const copied = half.copy();
    expect(copied.parameterCount).toBe(fresh.parameterCount);
    for (const decoder of [fresh, half, copied]) decoder.dispose();
  });
});

test('rounding to bfloat16 goes to the nearest, ties to even, and keeps infinities and NaN', () => {
  fc.assert(
    fc.property(fc.float32Array(), (values) => {
      const rounded = fromBfloat16(toBfloat16(values));
      for (const [i, value] of values.entries()) {
        const result = rounded[i]!;
        if (Number.isNaN(value)) expect(result).toBeNaN();
        else if (Number.isFinite(value) && Number.isFinite(result)) {
          // Half a unit in the eighth bit of the mantissa; below 2^-126 the unit is 2^-133.
          const unit = 2 ** Math.max(-133, Math.floor(Math.log2(Math.abs(value))) - 7);
          expect(Math.abs(result - value)).toBeLessThanOrEqual(unit / 2);
        } else expect(Math.abs(value)).toBeGreaterThanOrEqual(3.3895e38);
        expect(toBfloat16(rounded)[i]).toBe(toBfloat16(values)[i]);
      }
    }),
  );
  expect([...fromBfloat16(toBfloat16(Float32Array.of(1 + 2 ** -8, 1 + 3 * 2 ** -8, -0)))]).toEqual([
    1,
    1 + 2 ** -6,
    -0,
  ]);
});
