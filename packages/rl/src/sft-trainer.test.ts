import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Decoder, LoraAdapter } from '@parl-mt/policy';
import { CancelledError, decoderConfigSchema, loraConfigSchema, sftConfigSchema } from '@parl-mt/schema';
import { readVariable, readWeight, selectBackend, tf } from '@parl-mt/tfjs-backend';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type SftExample, trainSft } from './sft-trainer.js';
import { WeightUpdater } from './weight-updater.js';

const folder = mkdtempSync(path.join(tmpdir(), 'parl-mt-sft-'));
beforeAll(async () => {
  await selectBackend('parl');
});
afterAll(() => rmSync(folder, { recursive: true }));

const model = decoderConfigSchema.parse({
  vocabSize: 24,
  hiddenSize: 16,
  numLayers: 2,
  numHeads: 2,
  numKvHeads: 2,
  intermediateSize: 24,
});
const config = sftConfigSchema.parse({ tokenBudget: 900, batchTokens: 64, optimizer: { learningRate: 1e-2 } });

/** The second half repeats the first, shifted by one token id. */
const examples: SftExample[] = Array.from({ length: 12 }, (_, i) => {
  const half = Array.from({ length: 5 }, (_, j) => ((i * 7 + j * 5) % 11) + 1);
  const tokens = Int32Array.from([...half, ...half.map((token) => token + 11)]);
  return { tokens, lossMask: Uint8Array.from(tokens, (_, at) => (at < 5 ? 0 : 1)) };
});

function weights(decoder: Decoder): Float32Array[] {
  return [...decoder.weights.values()].map(readWeight);
}

test('a run cancelled half way and resumed ends in the same weights, bit for bit', async () => {
  const straight = Decoder.create(model, 1);
  const losses: number[] = [];
  const tokensSeen = await trainSft(straight, examples, config, { onUpdate: ({ loss }) => losses.push(loss) });
  expect(losses.at(-1)).toBeLessThan(losses[0]! * 0.8);

  const controller = new AbortController();
  const options = { checkpointFolder: folder, signal: controller.signal };
  const first = Decoder.create(model, 1);
  await expect(
    trainSft(first, examples, config, { ...options, onUpdate: ({ update }) => update === 5 && controller.abort() }),
  ).rejects.toThrow(CancelledError);
  const resumed = Decoder.create(model, 2); // other weights: all must come from the checkpoint
  expect(await trainSft(resumed, examples, config, { checkpointFolder: folder })).toBe(tokensSeen);
  expect(weights(resumed)).toEqual(weights(straight));
});

test('any mask but 0 is a predicted token, for the weights as for the packing', () => {
  const lossOf = (flag: number): number => {
    const decoder = Decoder.create(model, 1);
    using updater = new WeightUpdater(decoder, config.optimizer);
    const rows = examples.map(({ tokens, lossMask }) => ({
      tokens,
      lossMask: lossMask.map((each) => each * flag),
      weights: Float32Array.from(tokens, (token) => token / 100),
    }));
    const loss = updater.accumulate(rows, 64, (logprobs, { weights }) => tf.sum(tf.mul(logprobs, weights)).asScalar());
    decoder.dispose();
    return loss;
  };
  expect(lossOf(255)).toBe(lossOf(1));
});

test('an adapter is trained alone; cancelled and resumed it ends the same, its dropout too', async () => {
  const lora = loraConfigSchema.parse({ rank: 4, dropout: 0.2 });
  const adapted = (seed: number): Decoder => {
    const decoder = Decoder.create(model, 1);
    decoder.attach(LoraAdapter.create(decoder.architecture, lora, seed));
    return decoder;
  };
  const trained = (decoder: Decoder) => [...decoder.adapter!.variables.values()].map(readVariable);
  const straight = adapted(7);
  await trainSft(straight, examples, config);
  expect(weights(straight)).toEqual(weights(Decoder.create(model, 1)));
  expect(trained(straight)).not.toEqual(trained(adapted(7)));

  const checkpointFolder = path.join(folder, 'adapter');
  const controller = new AbortController();
  const options = { checkpointFolder, signal: controller.signal };
  const onUpdate = ({ update }: { readonly update: number }) => update === 5 && controller.abort();
  await expect(trainSft(adapted(7), examples, config, { ...options, onUpdate })).rejects.toThrow(CancelledError);
  const resumed = adapted(7);
  await trainSft(resumed, examples, config, { checkpointFolder });
  expect(trained(resumed)).toEqual(trained(straight));

  const wider = Decoder.create(model, 1);
  wider.attach(LoraAdapter.create(wider.architecture, { ...lora, rank: 8 }, 7));
  await expect(trainSft(wider, examples, config, { checkpointFolder })).rejects.toThrow(
    /expected .*lora_A.* of shape \[8, 16\] in the checkpoint at .*, received \[4, 16\]/,
  );
});

test('the gradient of the loss is the expected one: the head computes it once, to the same bits', () => {
  const rows = examples.map(({ tokens, lossMask }) => ({
    tokens,
    lossMask,
    weights: Float32Array.from(lossMask, (flag, i) => flag * Math.fround(1 / (7 + i))),
  }));
  const trained = [true, false].map((isWeightedLikelihood) => {
    const decoder = Decoder.create(model, 3);
    using updater = new WeightUpdater(decoder, config.optimizer);
    const loss = updater.accumulate(
      rows,
      64,
      (logprobs, { weights: w }) => tf.neg(tf.sum(tf.mul(logprobs, w))).asScalar(),
      { isWeightedLikelihood },
    );
    updater.apply(1e-2);
    return { loss, weights: weights(decoder) };
  });
  expect(trained[0]).toEqual(trained[1]);
});

test('examples without a token to predict are refused', async () => {
  const blank = [{ tokens: Int32Array.of(1, 2), lossMask: Uint8Array.of(0, 0) }];
  await expect(trainSft(Decoder.create(model, 1), blank, config)).rejects.toThrow('received 1 examples without any');
});
