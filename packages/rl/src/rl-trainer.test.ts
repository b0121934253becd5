import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { SPECIAL_TOKENS } from '@parl-mt/chat';
import { synthesizeTasks } from '@parl-mt/environments';
import { Decoder, Tokenizer, trainBpe } from '@parl-mt/policy';
import {
  CancelledError,
  decoderConfigSchema,
  type RlConfig,
  rlConfigSchema,
  synthesisConfigSchema,
} from '@parl-mt/schema';
import { readVariable, selectBackend } from '@parl-mt/tfjs-backend';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { DecoderModel } from './decoder-model.js';
import { type RlOptions, type RlUpdateMetrics, trainRl } from './rl-trainer.js';

const folder = mkdtempSync(path.join(tmpdir(), 'parl-mt-rl-'));
beforeAll(async () => {
  await selectBackend('parl');
});
afterAll(() => rmSync(folder, { recursive: true }));

const tasks = synthesizeTasks(
  synthesisConfigSchema.parse({ tasks: 3, maxTurns: 3, maxCallsPerTurn: 1, classes: ['GorillaFileSystem'] }),
).map(({ task }) => task);
const tokenizer = new Tokenizer(trainBpe(['<summary> a b'], { vocabSize: SPECIAL_TOKENS.length + 256 }));
const model = decoderConfigSchema.parse({
  vocabSize: tokenizer.vocabSize,
  hiddenSize: 16,
  numLayers: 1,
  numHeads: 2,
  numKvHeads: 2,
  intermediateSize: 16,
});
const config = rlConfigSchema.parse({
  context: { mode: 'history', maxContextTokens: 900, maxNewTokens: 60 },
  groupSize: 4,
  tasksPerUpdate: 2,
  stepLimit: 2,
  sampledTokenBudget: 5000,
  finalLearningRateFraction: 0.25,
  credit: { kind: 'turn', discount: 0.5 },
  checkpointEvery: 2,
});

/** Random weights end some completions well and others not: format is signal enough. */
async function train(seed: number, options: RlOptions = {}, changes: Partial<RlConfig> = {}) {
  const decoder = Decoder.create(model, seed);
  const updates: RlUpdateMetrics[] = [];
  using rollouts = new DecoderModel(decoder, tokenizer, config.context);
  await trainRl(
    decoder,
    rollouts,
    tasks,
    { ...config, ...changes },
    {
      ...options,
      onUpdate: (update) => {
        updates.push(update);
        options.onUpdate?.(update);
      },
    },
  );
  return { updates, weights: [...decoder.weights.values()].map(readVariable) };
}

test('the first ratio is exactly 1 in every update, and the learning rate falls with the sampled tokens', async () => {
  const { updates } = await train(1);
  expect(updates.length).toBeGreaterThan(2);
  for (const { firstRatioError } of updates) expect(firstRatioError).toBe(0);
  const { learningRate } = config.optimizer;
  let sampled = 0;
  for (const update of updates) {
    expect(update.learningRate).toBeCloseTo(learningRate * (1 - (0.75 * sampled) / config.sampledTokenBudget), 12);
    sampled = update.sampledTokens;
  }
});

test('a run cancelled half way and resumed ends in the same weights, bit for bit', async () => {
  const straight = await train(1);
  expect(straight.updates.some(({ gradNorm }) => gradNorm > 0)).toBe(true);
  const controller = new AbortController();
  const checkpointFolder = path.join(folder, 'resume');
  await expect(
    train(1, {
      checkpointFolder,
      signal: controller.signal,
      onUpdate: ({ update }) => update === 3 && controller.abort(),
    }),
  ).rejects.toThrow(CancelledError);
  const resumed = await train(2, { checkpointFolder }); // other weights: all must come from the checkpoint
  expect(resumed.updates[0]!.update).toBe(4);
  expect(resumed.weights).toEqual(straight.weights);
});

test('who is credited changes what is learned', async () => {
  const byTurn = await train(1);
  const whole = await train(1, {}, { credit: { kind: 'trajectory' } });
  expect(whole.weights).not.toEqual(byTurn.weights);
});

test('no tasks are refused', async () => {
  const decoder = Decoder.create(model, 1);
  using rollouts = new DecoderModel(decoder, tokenizer, config.context);
  await expect(trainRl(decoder, rollouts, [], config)).rejects.toThrow('expected at least one task');
});
