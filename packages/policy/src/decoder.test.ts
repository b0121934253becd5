import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { type BackendName, decoderConfigSchema } from '@parl-mt/schema';
import { AdamW, readVariable, selectBackend, tf } from '@parl-mt/tfjs-backend';
import { beforeAll, describe, expect, test } from 'vitest';
import { Decoder } from './decoder.js';
import { packSequences } from './packing.js';
import { readSafetensors, writeSafetensors } from './safetensors.js';
import { scoreCompletions } from './scoring.js';
import { loadDecoder, loadOptimizer, saveDecoder, saveOptimizer } from './weights-io.js';

const config = decoderConfigSchema.parse({
  vocabSize: 40,
  hiddenSize: 32,
  numLayers: 2,
  numHeads: 4,
  numKvHeads: 2,
  intermediateSize: 48,
});

const sequences = [11, 1, 7, 16].map((length, s) => ({
  tokens: Array.from({ length }, (_, t) => (t * t * 7 + s * 13 + 3) % 40),
  lossMask: Array.from({ length }, (_, t) => Number(t > 3)),
}));

const shared = process.env.PARL_MT_SHARED ?? resolve(import.meta.dirname, '../../../../shared');
const fixture = resolve(shared, 'fixtures/models/qwen2-tied');
const hasFixture = existsSync(fixture);
if (!hasFixture) console.log(`reference checkpoint: skipped, no ${fixture}`);

describe.each(['parl', 'cpu'] as BackendName[])('Decoder on backend %s', (backend) => {
  beforeAll(() => selectBackend(backend));

  test('overfits a tiny batch', () => {
    const decoder = Decoder.create(config, 3);
    const optimizer = new AdamW(decoder.trainable, { weightDecay: 0 });
    const batch = packSequences(sequences, 1000)[0]!;
    const losses = Array.from({ length: backend === 'parl' ? 60 : 25 }, () => {
      const { loss, gradients } = decoder.gradients(() => tf.neg(tf.mean(decoder.logprobs(batch).logprobs)).asScalar());
      optimizer.update(gradients, { learningRate: 0.01, maxGradNorm: 1 });
      tf.dispose([...gradients.values()]);
      return loss;
    });
    expect(losses[0]).toBeGreaterThan(Math.log(40) - 1);
    expect(losses.at(-1)).toBeLessThan(backend === 'parl' ? 0.05 : 0.8);
    decoder.dispose();
  });

  test('a seed gives the same weights, another seed others; a copy is independent', () => {
    const [a, b, c] = [Decoder.create(config, 1), Decoder.create(config, 1), Decoder.create(config, 2)];
    const name = 'model.layers.1.mlp.down_proj.weight';
    expect(readVariable(a.trainable.get(name)!)).toEqual(readVariable(b.trainable.get(name)!));
    expect(readVariable(a.trainable.get(name)!)).not.toEqual(readVariable(c.trainable.get(name)!));
    const copy = a.copy();
    const gradients = new Map([...a.trainable].map(([key, variable]) => [key, tf.onesLike(variable)]));
    new AdamW(a.trainable).update(gradients, { learningRate: 0.1 });
    expect(readVariable(copy.trainable.get(name)!)).toEqual(readVariable(b.trainable.get(name)!));
    expect(readVariable(a.trainable.get(name)!)).not.toEqual(readVariable(b.trainable.get(name)!));
  });

  test('scores do not depend on packing', () => {
    const decoder = Decoder.create(config, 4);
    const together = scoreCompletions(decoder, sequences);
    const alone = sequences.map((sequence) => scoreCompletions(decoder, [sequence])[0]!);
    const pairs = scoreCompletions(decoder, sequences, { batchTokens: 13 });
    const close = (a: number, b: number) => Math.abs(a - b) <= (backend === 'parl' ? 0 : 1e-4);
    for (let i = 0; i < sequences.length; i++) {
      expect(close(together[i]!, alone[i]!) && close(together[i]!, pairs[i]!)).toBe(true);
    }
    expect(together[1]).toBe(0);
  });

  test('nothing is leaked by a training update', () => {
    const decoder = Decoder.create(config, 5);
    const batch = packSequences(sequences, 1000)[0]!;
    const before = tf.memory().numTensors;
    const { gradients } = decoder.gradients(() => tf.sum(decoder.logprobs(batch).entropies).asScalar());
    tf.dispose([...gradients.values()]);
    expect(tf.memory().numTensors).toBe(before);
  });

  test.skipIf(!hasFixture)('log-probs, entropies and gradients are those of transformers', async () => {
    const decoder = await loadDecoder(fixture);
    const { tensors } = await readSafetensorsOf(join(fixture, 'expected.safetensors'));
    const about = JSON.parse(await readFile(join(fixture, 'expected.json'), 'utf8'));
    const tokens = tensors.ids;
    const offsets = tensors.cu_seqlens;
    const all = Array.from({ length: offsets.length - 1 }, (_, s) => {
      const part = tokens.subarray(offsets[s], offsets[s + 1]);
      return { tokens: part, lossMask: new Uint8Array(part.length).fill(1) };
    });
    const batch = packSequences(all, 10_000)[0]!;
    const { logprobs, entropies } = decoder.logprobs(batch);
    const [actual, entropy] = [logprobs.dataSync(), entropies.dataSync()];
    for (const [i, row] of batch.targetRows.entries()) {
      expect(Math.abs(actual[i]! - tensors.logprob[row + 1]!)).toBeLessThan(1e-4);
      expect(Math.abs(entropy[i]! - tensors.entropy[row + 1]!)).toBeLessThan(1e-4);
    }
    const maskedBatch = packSequences(
      all.map((sequence, s) => ({
        tokens: sequence.tokens,
        lossMask: tensors.loss_mask.subarray(offsets[s], offsets[s + 1]),
      })),
      10_000,
    )[0]!;
    const { loss, gradients } = decoder.gradients(() =>
      tf.neg(tf.mean(decoder.logprobs(maskedBatch).logprobs)).asScalar(),
    );
    expect(Math.abs(loss - about.loss_ce) / about.loss_ce).toBeLessThan(2e-6);
    for (const [name, gradient] of gradients) {
      const expected = tensors.gradients.get(`grad.ce.${name}`)!;
      const values = gradient.dataSync();
      let [difference, norm] = [0, 0];
      for (let i = 0; i < expected.length; i++) {
        difference += (values[i]! - expected[i]!) ** 2;
        norm += expected[i]! ** 2;
      }
      expect(Math.sqrt(difference / norm), name).toBeLessThan(2e-5);
    }
  });
});

describe('weights on disk', () => {
  beforeAll(() => selectBackend('parl'));

  test('decoder and optimizer come back as they were, bit for bit', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'parl-mt-weights-'));
    const decoder = Decoder.create(config, 6);
    const optimizer = new AdamW(decoder.trainable);
    const ones = new Map([...decoder.trainable].map(([name, variable]) => [name, tf.onesLike(variable)]));
    optimizer.update(ones, { learningRate: 0.1 });
    await saveDecoder(directory, decoder);
    await saveOptimizer(join(directory, 'optimizer.safetensors'), optimizer);
    const loaded = await loadDecoder(directory);
    expect(loaded.architecture).toEqual(decoder.architecture);
    for (const [name, variable] of decoder.trainable) {
      expect(readVariable(loaded.trainable.get(name)!)).toEqual(readVariable(variable));
    }
    const restored = new AdamW(loaded.trainable);
    await loadOptimizer(join(directory, 'optimizer.safetensors'), restored);
    expect(restored.state()).toEqual(optimizer.state());
    await expect(loadOptimizer(join(directory, 'model.safetensors'), restored)).rejects.toThrow(
      'expected an optimizer state',
    );
    await rm(directory, { recursive: true });
  });

  test('missing, extra and misshapen tensors are named', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'parl-mt-weights-'));
    await saveDecoder(directory, Decoder.create(config, 7));
    const path = join(directory, 'model.safetensors');
    const { tensors } = await readSafetensors(path);
    tensors.delete('model.norm.weight');
    tensors.set('extra', { shape: [1], values: new Float32Array(1) });
    tensors.set('model.embed_tokens.weight', { shape: [1, 1], values: new Float32Array(1) });
    await writeSafetensors(path, tensors);
    const failure = await loadDecoder(directory).catch((error: Error) => error.message);
    expect(failure).toContain('model.norm.weight is missing');
    expect(failure).toContain('extra is not part of this decoder');
    expect(failure).toContain('model.embed_tokens.weight has shape [1, 1], not [40, 32]');
    await writeFile(join(directory, 'config.json'), '{"model_type":"mamba"}');
    await expect(loadDecoder(directory)).rejects.toThrow(
      'expected model_type qwen2 (Qwen2, Qwen2.5), qwen3 (Qwen3), llama (Llama 2 and 3.x, SmolLM2)',
    );
    await rm(directory, { recursive: true });
  });
});

/** The fixture also holds int32 and uint8 tensors, which a policy's own files never do. */
async function readSafetensorsOf(path: string) {
  const bytes = await readFile(path);
  const headerBytes = Number(bytes.readBigUInt64LE(0));
  const header = JSON.parse(bytes.subarray(8, 8 + headerBytes).toString('utf8'));
  const part = (name: string) => {
    const [start, end] = header[name].data_offsets;
    return bytes.buffer.slice(bytes.byteOffset + 8 + headerBytes + start, bytes.byteOffset + 8 + headerBytes + end);
  };
  const gradients = new Map<string, Float32Array>();
  for (const name of Object.keys(header))
    if (name.startsWith('grad.ce.')) gradients.set(name, new Float32Array(part(name)));
  return {
    tensors: {
      ids: new Int32Array(part('ids')),
      cu_seqlens: new Int32Array(part('cu_seqlens')),
      logprob: new Float32Array(part('logprob')),
      entropy: new Float32Array(part('entropy')),
      loss_mask: new Uint8Array(part('loss_mask')),
      gradients,
    },
  };
}
