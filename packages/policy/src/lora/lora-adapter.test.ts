import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type BackendName, decoderConfigSchema, loraConfigSchema, loraTargets } from '@parl-mt/schema';
import { AdamW, readVariable, selectBackend, tf } from '@parl-mt/tfjs-backend';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Decoder } from '../decoder.js';
import { createGenerator } from '../generation.js';
import { packSequences } from '../packing.js';
import { loadAdapter, loraConfigFromPeft, saveAdapter } from './adapter-files.js';
import { LoraAdapter, patternValue } from './lora-adapter.js';
import { mergeAdapter } from './merge-adapter.js';

const config = decoderConfigSchema.parse({
  vocabSize: 40,
  hiddenSize: 32,
  numLayers: 2,
  numHeads: 4,
  numKvHeads: 2,
  intermediateSize: 48,
});
const lora = loraConfigSchema.parse({ rank: 3, alpha: 6, rankPattern: { 'layers.1.mlp.up_proj': 2 } });
const batch = packSequences(
  [11, 7, 16].map((length, s) => ({
    tokens: Array.from({ length }, (_, t) => (t * t * 7 + s * 13 + 3) % 40),
    lossMask: Array.from({ length }, (_, t) => Number(t > 2)),
  })),
  1000,
)[0]!;
const loss = (decoder: Decoder) => () => tf.neg(tf.mean(decoder.logprobs(batch).logprobs)).asScalar();

/** An adapter that changes something: B is not zero any more. */
function trained(decoder: Decoder, updates: number): LoraAdapter {
  const adapter = LoraAdapter.create(decoder.architecture, lora, 5);
  decoder.attach(adapter);
  const optimizer = new AdamW(decoder.trainable, { weightDecay: 0 });
  for (let i = 0; i < updates; i += 1) {
    const { gradients } = decoder.gradients(loss(decoder));
    optimizer.update(gradients, { learningRate: 0.02 });
    tf.dispose([...gradients.values()]);
  }
  return adapter;
}
const snapshot = (variables: Iterable<tf.Variable>) => Array.from(variables, (variable) => [...readVariable(variable)]);
const logprobsOf = (decoder: Decoder) => tf.tidy(() => [...decoder.logprobs(batch).logprobs.dataSync()]);

describe.each(['parl', 'cpu'] as BackendName[])('an adapter on backend %s', (backend) => {
  beforeAll(() => selectBackend(backend));

  test('fresh it changes no log-prob; trained it lowers the loss, and the base weights stay as they were', () => {
    const decoder = Decoder.create(config, 1);
    const before = logprobsOf(decoder);
    const weights = snapshot(decoder.trainable.values());
    decoder.attach(LoraAdapter.create(decoder.architecture, lora, 5));
    for (const [i, value] of logprobsOf(decoder).entries()) expect(value).toBeCloseTo(before[i]!, 5);
    const adapter = trained(decoder, backend === 'parl' ? 30 : 5);
    const after = decoder.gradients(loss(decoder));
    decoder.attach(undefined);
    const plain = decoder.gradients(loss(decoder));
    expect(after.loss).toBeLessThan(plain.loss - (backend === 'parl' ? 0.5 : 0.05));
    expect(snapshot(decoder.trainable.values())).toEqual(weights);
    expect(logprobsOf(decoder)).toEqual(before);
    expect([...after.gradients.keys()]).toEqual([...adapter.variables.keys()]);
    expect([...plain.gradients.keys()]).toEqual([...decoder.weights.keys()]);
  });

  test('gradients are those of central differences', () => {
    const decoder = Decoder.create(config, 2);
    const adapter = trained(decoder, 3);
    const { gradients } = decoder.gradients(loss(decoder));
    for (const [name, variable] of adapter.variables) {
      if (!/layers\.1\.(self_attn\.[kv]|mlp\.(up|down))_proj/.test(name)) continue;
      const original = readVariable(variable);
      const gradient = gradients.get(name)!.dataSync();
      // Along the gradient itself the derivative is its length.
      const length = Math.hypot(...gradient);
      const along = (step: number): number => {
        tf.tidy(() =>
          variable.assign(
            tf.tensor(
              original.map((value, i) => value + (step * gradient[i]!) / length),
              variable.shape,
            ),
          ),
        );
        return tf.tidy(() => loss(decoder)().dataSync()[0]!);
      };
      const step = 0.02;
      const slope = (along(step) - along(-step)) / (2 * step);
      along(0);
      // Loss values are good to 1e-6 here, so the quotient to 5e-5; the cubic term is of the order of step^2.
      expect(Math.abs(slope - length), name).toBeLessThan(2e-3 * length + 2e-4);
    }
  });

  test('dropout: a step names its elements, about that share of them; scoring drops nothing', () => {
    const decoder = Decoder.create(config, 9);
    const adapter = LoraAdapter.create(decoder.architecture, { ...lora, dropout: 0.25 }, 11);
    for (const { b } of adapter.pairs.values()) b.assign(tf.fill(b.shape, 0.02));
    decoder.attach(adapter);
    const before = logprobsOf(decoder);
    const at = (dropoutStep?: number) => {
      const { loss: value, gradients } = decoder.gradients(
        loss(decoder),
        dropoutStep === undefined ? {} : { dropoutStep },
      );
      const length = Math.hypot(...[...gradients.values()].map((gradient) => Math.hypot(...gradient.dataSync())));
      tf.dispose([...gradients.values()]);
      return [value, length];
    };
    expect(at(3)).toEqual(at(3));
    expect(at(3)).not.toEqual(at(4));
    expect(at(3)).not.toEqual(at());
    expect(logprobsOf(decoder)).toEqual(before);
    // The mean over steps is near the loss without dropout: the kept elements are scaled up.
    const mean = Array.from({ length: 20 }, (_, step) => at(step)[0]!).reduce((a, b) => a + b, 0) / 20;
    expect(Math.abs(mean - at()[0]!)).toBeLessThan(0.05);
  });

  test('nothing is leaked by a training update', () => {
    const decoder = Decoder.create(config, 3);
    decoder.attach(LoraAdapter.create(decoder.architecture, lora, 1));
    const before = tf.memory().numTensors;
    const { gradients } = decoder.gradients(loss(decoder));
    tf.dispose([...gradients.values()]);
    expect(tf.memory().numTensors).toBe(before);
  });
});

describe('adapters', () => {
  let folder: string;
  beforeAll(async () => {
    await selectBackend('parl');
    folder = await mkdtemp(join(tmpdir(), 'parl-mt-lora-'));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  test('merged weights give the log-probs of the adapter', () => {
    const decoder = Decoder.create(config, 4);
    const adapter = trained(decoder, 20);
    const merged = decoder.copy();
    mergeAdapter(merged, adapter);
    const [expected, actual] = [logprobsOf(decoder), logprobsOf(merged)];
    for (const [i, value] of expected.entries()) expect(actual[i]).toBeCloseTo(value, 4);
    decoder.attach(undefined);
    expect(Math.abs(logprobsOf(decoder)[0]! - expected[0]!)).toBeGreaterThan(1e-3);
  });

  test('the sampler draws with the adapter, and its log-probs are those of training, bit for bit', async () => {
    const decoder = Decoder.create(config, 5);
    trained(decoder, 20);
    using generator = createGenerator(decoder, { maxSlots: 4, maxTokensPerSlot: 40 });
    const requests = [5, 1, 9, 9].map((length, slot) => ({
      slot,
      prompt: Array.from({ length }, (_, t) => (t * 11 + length) % 40),
      maxNewTokens: 12,
      seed: slot,
    }));
    const texts = await generator.generate(requests, { temperature: 1, stopTokens: [] });
    const sequences = texts.map(({ tokens }, i) => ({
      tokens: [...requests[i]!.prompt, ...tokens],
      lossMask: [...requests[i]!.prompt.map(() => 0), ...tokens.map(() => 1)],
    }));
    const packed = packSequences(sequences, 1000)[0]!;
    expect([...decoder.logprobs(packed).logprobs.dataSync()]).toEqual(texts.flatMap(({ logprobs }) => [...logprobs]));
    decoder.attach(undefined);
    using plain = createGenerator(decoder, { maxSlots: 4, maxTokensPerSlot: 40 });
    const others = await plain.generate(requests, { temperature: 1, stopTokens: [] });
    expect(others.map(({ logprobs }) => logprobs)).not.toEqual(texts.map(({ logprobs }) => logprobs));
  });

  test('what is saved is loaded again, bit for bit', async () => {
    const decoder = Decoder.create(config, 6);
    const adapter = trained(decoder, 2);
    await saveAdapter(folder, adapter, 'some/base');
    const loaded = await loadAdapter(folder, decoder.architecture);
    expect(loaded.config).toEqual(adapter.config);
    expect([...loaded.pairs.values()].map(({ scale }) => scale)).toEqual(
      [...adapter.pairs.values()].map(({ scale }) => scale),
    );
    expect([...loaded.variables.keys()]).toEqual([...adapter.variables.keys()]);
    expect(snapshot(loaded.variables.values())).toEqual(snapshot(adapter.variables.values()));
    const json = JSON.parse(await readFile(join(folder, 'adapter_config.json'), 'utf8'));
    expect(json).toMatchObject({ peft_type: 'LORA', r: 3, lora_alpha: 6, base_model_name_or_path: 'some/base' });
    expect([...json.target_modules].sort()).toEqual([...loraTargets].sort());
    // Another rank than the matrices have.
    await writeFile(join(folder, 'adapter_config.json'), JSON.stringify({ ...json, r: 4 }));
    await expect(loadAdapter(folder, decoder.architecture)).rejects.toThrow('expected rank 4 for model.layers.0');
    await writeFile(join(folder, 'adapter_config.json'), JSON.stringify(json));
    const fewer = { ...decoder.architecture, numLayers: 1 };
    await expect(loadAdapter(folder, fewer)).rejects.toThrow('in 1 layers, received one of model.layers.1');
  });

  test('scales: alpha / r, alpha / sqrt(r), and patterns', () => {
    const { architecture } = Decoder.create(config, 7);
    const scale = (options: object, module: string) =>
      LoraAdapter.create(architecture, loraConfigSchema.parse({ rank: 4, alpha: 6, ...options }), 1).pairs.get(module)!
        .scale;
    const up = 'model.layers.1.mlp.up_proj';
    expect(scale({}, up)).toBe(1.5);
    expect(scale({ useRsLora: true }, up)).toBe(3);
    expect(scale({ alphaPattern: { up_proj: 2 } }, up)).toBe(0.5);
    expect(scale({ rankPattern: { 'layers.1.mlp.up_proj': 1 } }, up)).toBe(6);
    expect(scale({ rankPattern: { 'layers.1.mlp.up_proj': 1 } }, 'model.layers.0.mlp.up_proj')).toBe(1.5);
    expect(() => scale({ rankPattern: { p_proj: 1 } }, up)).toThrow('expected rankPattern to name an adapted module');
    expect(patternValue({ up_proj: 1 }, 'x.up_proj')).toBe(1);
    expect(patternValue({ p_proj: 1 }, 'x.up_proj')).toBeUndefined();
    expect(patternValue({ '^up_proj': 1 }, 'x.up_proj')).toBeUndefined();
  });

  const peft = { peft_type: 'LORA', r: 8, lora_alpha: 16, target_modules: ['q_proj'] };
  test.each<[object, string]>([
    [{ peft_type: 'IA3' }, 'expected peft_type LORA in a.json, received IA3'],
    [{ peft_type: undefined }, 'expected peft_type LORA in a.json, received none'],
    [{ use_dora: true }, 'expected use_dora false in a.json, received true'],
    [{ bias: 'all' }, 'expected bias none'],
    [{ fan_in_fan_out: true }, 'expected fan_in_fan_out false'],
    [{ modules_to_save: ['lm_head'] }, 'expected no modules_to_save in a.json, received ["lm_head"]'],
    [{ r: 0 }, 'rank'],
    [{ rank_pattern: { '.*up_proj': 2 } }, 'expected module names as keys of rank_pattern'],
  ])('refuses an adapter configuration with %o', (fields, message) => {
    expect(() => loraConfigFromPeft({ ...peft, ...fields }, 'a.json')).toThrow(message);
  });
});
