import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Decoder } from '@parl-mt/policy';
import { CancelledError, decoderConfigSchema, sftConfigSchema } from '@parl-mt/schema';
import { readVariable, selectBackend } from '@parl-mt/tfjs-backend';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type SftExample, trainSft } from './sft-trainer.js';

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
  return [...decoder.weights.values()].map(readVariable);
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

test('examples without a token to predict are refused', async () => {
  const blank = [{ tokens: Int32Array.of(1, 2), lossMask: Uint8Array.of(0, 0) }];
  await expect(trainSft(Decoder.create(model, 1), blank, config)).rejects.toThrow('received 1 examples without any');
});
