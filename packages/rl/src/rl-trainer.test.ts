import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { SPECIAL_TOKENS } from '@parl-mt/chat';
import { createEnvironment, synthesizeTasks } from '@parl-mt/environments';
import { Decoder, SegmentCodec, Tokenizer, trainBpe } from '@parl-mt/policy';
import {
  CancelledError,
  decoderConfigSchema,
  type RlConfig,
  rlConfigSchema,
  samplingConfigSchema,
  synthesisConfigSchema,
} from '@parl-mt/schema';
import { readVariable, selectBackend } from '@parl-mt/tfjs-backend';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { DecoderModel } from './decoder-model.js';
import { type RlMonitorMetrics, type RlOptions, type RlUpdateMetrics, trainRl } from './rl-trainer.js';

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
  using rollouts = new DecoderModel(decoder, new SegmentCodec(tokenizer), config.context);
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
  return { updates, weights: [...decoder.trainable.values()].map(readVariable) };
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

const short = { sampledTokenBudget: 2500, minibatches: 2 } as const;
/** Options that must change what is learned from the same rollouts of the first update. */
const options: readonly Partial<RlConfig>[] = [
  { advantage: 'opo' },
  { advantage: 'reinforce_plus_plus' },
  { advantage: 'reinforce_plus_plus_baseline' },
  { advantage: 'remax' },
  { credit: { kind: 'mt_grpo', firstTurnWeight: 0.5 } },
  { credit: { kind: 'gigpo', stepWeight: 0.5, stepDiscount: 0.9 } },
  { loss: { kind: 'ppo', dualClip: 1.0001 } },
  { loss: { kind: 'ppo', ratioCap: 0.9999 } },
  { loss: { kind: 'gspo', gradient: 'own_token' } },
  { loss: { kind: 'cispo' } },
  { loss: { kind: 'gmpo' } },
  { loss: { kind: 'sapo', tauPositive: 1, tauNegative: 1.05 } },
  { loss: { kind: 'dppo', divergence: 'total_variation', ratioCap: 0.9999 } },
  { loss: { kind: 'reinforce' } },
  { reduction: { mode: 'token_sum' } },
  { reduction: { mode: 'sequence_mean_token_sum' } },
  { reduction: { mode: 'sequence_mean_token_mean' } },
  { reduction: { mode: 'constant', length: 100 } },
  { kl: { kind: 'penalty', coefficient: 1, estimator: 'k3', gradient: 'own' } },
  { entropyCoefficient: 0.05 },
  { sampling: samplingConfigSchema.parse({ temperature: 0.7 }) },
];
test.each(options)('%o changes what is learned, and the first ratio stays exactly 1', async (changes) => {
  const { updates, weights } = await train(1, {}, { ...short, ...changes });
  expect(weights).not.toEqual((await plainRun()).weights);
  for (const { firstRatioError, gradNorm } of updates) {
    expect(firstRatioError).toBe(0);
    expect(gradNorm).toBeGreaterThan(0);
  }
});
let plain: ReturnType<typeof train> | undefined;
const plainRun = () => (plain ??= train(1, {}, short));

test('the reference is the policy that training started from, also after a resume', async () => {
  const kl = { kind: 'penalty', coefficient: 0.05, estimator: 'k3', gradient: 'own' } as const;
  const straight = await train(1, {}, { kl });
  const divergences = straight.updates.map(({ referenceKl }) => referenceKl!);
  // Nothing has moved before the first update, and everything after it.
  expect(divergences[0]).toBe(0);
  expect(divergences.at(-1)).toBeGreaterThan(0);
  const checkpointFolder = path.join(folder, 'reference');
  const controller = new AbortController();
  await expect(
    train(
      1,
      { checkpointFolder, signal: controller.signal, onUpdate: ({ update }) => update === 2 && controller.abort() },
      { kl },
    ),
  ).rejects.toThrow(CancelledError);
  const resumed = await train(1, { checkpointFolder }, { kl });
  expect(resumed.updates[0]!.update).toBe(3);
  expect(resumed.weights).toEqual(straight.weights);
});

test('a penalty keeps the policy closer to where it started, a bonus for entropy raises it', async () => {
  const free = await train(1, {}, { optimizer: { ...config.optimizer, learningRate: 3e-3 } });
  const run = (changes: Partial<RlConfig>) =>
    train(1, {}, { optimizer: { ...config.optimizer, learningRate: 3e-3 }, ...changes });
  const start = [...Decoder.create(model, 1).trainable.values()].flatMap((variable) => [...readVariable(variable)]);
  const distance = (weights: readonly Float32Array[]) =>
    Math.hypot(...weights.flatMap((values) => [...values]).map((value, i) => value - start[i]!));
  const held = await run({ kl: { kind: 'penalty', coefficient: 100, estimator: 'k3', gradient: 'own' } });
  expect(distance(held.weights)).toBeLessThan(distance(free.weights));
  const warmed = await run({ entropyCoefficient: 10 });
  expect(warmed.updates.at(-1)!.entropy).toBeGreaterThan(free.updates.at(-1)!.entropy);
});

test('ReMax counts the tokens of its greedy rollouts', async () => {
  const { updates } = await train(1, {}, { ...short, advantage: 'remax' });
  expect(updates[0]!.sampledTokens).toBeGreaterThan((await plainRun()).updates[0]!.sampledTokens);
});

test('the cut into micro-batches changes no gradient beyond rounding', async () => {
  for (const loss of [{ kind: 'gspo', gradient: 'own_token' }, { kind: 'gmpo' }] as const) {
    const changes = {
      ...short,
      loss,
      kl: { kind: 'penalty', coefficient: 0.1, estimator: 'k3', gradient: 'own' },
    } as const;
    const whole = await train(1, {}, { ...changes, batchTokens: 100_000, sampledTokenBudget: 1 });
    const cut = await train(1, {}, { ...changes, batchTokens: 64, sampledTokenBudget: 1 });
    expect(cut.updates[0]!.trainedTokens).toBe(whole.updates[0]!.trainedTokens);
    // The gradient of the second minibatch: sums of a few hundred float32 terms in another order.
    expect(cut.updates[0]!.gradNorm / whole.updates[0]!.gradNorm).toBeCloseTo(1, 4);
  }
});

test('an episode that its environment ended is as if it had not been asked for', async () => {
  // The fourth member of every group has no world. Seeds are by member: groups of three draw the same other ones.
  let made = 0;
  const createBroken = (kind: string) => {
    const environment = createEnvironment(kind);
    made += 1;
    if (made % 4 === 0) environment.reset = () => Promise.reject(new Error('no server'));
    return environment;
  };
  const changes = {
    sampledTokenBudget: 1500,
    kl: { kind: 'penalty', coefficient: 1, estimator: 'k3', gradient: 'own' },
  };
  const seen: string[] = [];
  const broken = await train(
    1,
    {
      createEnvironment: createBroken,
      onTrajectories: (_, trajectories) => seen.push(...trajectories.map(({ stopReason }) => stopReason)),
    },
    { ...changes, groupSize: 4 } as Partial<RlConfig>,
  );
  const smaller = await train(1, {}, { ...changes, groupSize: 3 } as Partial<RlConfig>);
  expect(broken.weights).toEqual(smaller.weights);
  expect(broken.updates.some(({ gradNorm }) => gradNorm > 0)).toBe(true);
  for (const [i, { environmentFaults, reward }] of broken.updates.entries()) {
    expect(environmentFaults).toBe(2);
    expect(reward).toBe(smaller.updates[i]!.reward);
    expect(smaller.updates[i]!.environmentFaults).toBe(0);
  }
  // They are shown all the same.
  expect(seen.filter((reason) => reason === 'environment_error')).toHaveLength(2 * broken.updates.length);
});

test('monitored tasks are measured before, as training goes and after it, and change nothing', async () => {
  const measured: RlMonitorMetrics[] = [];
  const onMonitor = (metrics: RlMonitorMetrics) => void measured.push(metrics);
  const plain = await train(1);
  const monitored = await train(1, { monitorTasks: tasks, onMonitor }, { monitorEvery: 2 });
  expect(monitored.weights).toEqual(plain.weights);
  const last = plain.updates.length;
  const expected = Array.from({ length: last + 1 }, (_, update) => update).filter((n) => n % 2 === 0 || n === last);
  expect(measured.map(({ update }) => update)).toEqual(expected);
  expect(measured[0]!.sampledTokens).toBe(0);
  expect(measured.at(-1)!.sampledTokens).toBe(plain.updates.at(-1)!.sampledTokens);
  // The same weights give the same measure: a run without learning repeats its first one.
  const still: RlMonitorMetrics[] = [];
  const optimizer = { ...config.optimizer, learningRate: 1e-30 };
  await train(1, { monitorTasks: tasks, onMonitor: (metrics) => void still.push(metrics) }, { optimizer });
  for (const { monitor } of still) expect(monitor).toEqual(measured[0]!.monitor);
});

test('options that do not fit each other are refused', async () => {
  await expect(train(1, {}, { credit: { kind: 'mt_grpo', firstTurnWeight: 1 }, advantage: 'rloo' })).rejects.toThrow(
    'rl.advantage: expected advantage grpo with credit.kind mt_grpo, received rloo',
  );
  await expect(train(1, {}, { sampling: samplingConfigSchema.parse({ temperature: 0 }) })).rejects.toThrow(
    'rl.sampling.temperature',
  );
});

test('a context that no prompt fits ends the run with the reason', async () => {
  const context = { ...config.context, maxContextTokens: 64, maxNewTokens: 60 };
  await expect(train(1, {}, { context })).rejects.toThrow(/expected rollouts with sampled tokens.*the prompt needs/);
});

test('no tasks are refused', async () => {
  const decoder = Decoder.create(model, 1);
  using rollouts = new DecoderModel(decoder, new SegmentCodec(tokenizer), config.context);
  await expect(trainRl(decoder, rollouts, [], config)).rejects.toThrow('expected at least one task');
});
