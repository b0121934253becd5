import { rlConfigSchema } from '@parl-mt/schema';
import { selectBackend, tf } from '@parl-mt/tfjs-backend';
import { beforeAll, expect, test } from 'vitest';
import { type TrainerLossConfig, trainerLoss, trainsOnAll } from './trainer-loss.js';

beforeAll(async () => {
  await selectBackend('cpu');
});

/** Two sequences, of three and two predicted tokens. */
const batch = {
  offsets: [0, 3, 5],
  weights: [0.25, 0.25, 0.25, 0.125, 0.125],
  logprobs: [-1, -0.3, -2.1, -0.6, -1.4],
  behaviorLogprobs: [-1.4, -0.25, -1.2, -0.9, -0.5],
  advantages: [1, 1, 1, -2, -2],
  referenceLogprobs: [-1.2, -0.4, -2, -0.1, -1.1],
  entropies: [0.5, 1.5, 1, 2, 0.25],
};
const clip = { clipLow: 0.2, clipHigh: 0.28 };

function run(changes: unknown) {
  const config: TrainerLossConfig = rlConfigSchema.parse(changes);
  const loss = trainerLoss(config, () => {});
  const [behaviorLogprobs, advantages, weights, referenceLogprobs] = (
    ['behaviorLogprobs', 'advantages', 'weights', 'referenceLogprobs'] as const
  ).map((name) => tf.tensor1d(batch[name])) as [tf.Tensor1D, tf.Tensor1D, tf.Tensor1D, tf.Tensor1D];
  const rows = {
    offsets: Int32Array.from(batch.offsets),
    behaviorLogprobs,
    advantages,
    weights,
    referenceLogprobs,
  };
  const { value, grads } = tf.valueAndGrads((logprobs: tf.Tensor, entropies: tf.Tensor) =>
    // TF.js wants every input to be used.
    tf.add(loss(logprobs as tf.Tensor1D, rows, entropies as tf.Tensor1D), tf.mul(tf.sum(entropies), 0)).asScalar(),
  )([tf.tensor1d(batch.logprobs), tf.tensor1d(batch.entropies)]);
  return {
    loss: value.dataSync()[0]!,
    gradient: [...grads[0]!.dataSync()],
    entropyGradient: [...grads[1]!.dataSync()],
  };
}

/** The definition, over plain numbers; the gradient by central differences. */
function defined(loss: (logprobs: readonly number[]) => number) {
  const step = 1e-6;
  return {
    loss: loss(batch.logprobs),
    gradient: batch.logprobs.map((_, at) => {
      const moved = (by: number) => loss(batch.logprobs.map((value, i) => (i === at ? value + by : value)));
      return (moved(step) - moved(-step)) / (2 * step);
    }),
  };
}

const sumOver = (term: (token: number, row: number) => number) =>
  batch.logprobs.reduce((sum, _, token) => sum + batch.weights[token]! * term(token, token < 3 ? 0 : 1), 0);
const logRatio = (logprobs: readonly number[], token: number) => logprobs[token]! - batch.behaviorLogprobs[token]!;
const rowMean = (logprobs: readonly number[], row: number, of = (value: number) => value) => {
  const tokens = row === 0 ? [0, 1, 2] : [3, 4];
  return tokens.reduce((sum, token) => sum + of(logRatio(logprobs, token)), 0) / tokens.length;
};
const clamp = (value: number, low: number, high: number) => Math.min(Math.max(value, low), high);
const clipped = (ratio: number, advantage: number) =>
  Math.max(-advantage * ratio, -advantage * clamp(ratio, 0.8, 1.28));
const advantage = (token: number) => batch.advantages[token]!;

function expectDefinition(changes: unknown, loss: (logprobs: readonly number[]) => number): void {
  const actual = run(changes);
  const expected = defined(loss);
  expect(actual.loss).toBeCloseTo(expected.loss, 5);
  expectClose(actual.gradient, expected.gradient);
}

/** float32 log-probs and advantages of magnitude 1, five terms: a few 1e-7; central differences add 1e-9. */
function expectClose(actual: readonly number[], expected: readonly number[]): void {
  expect(actual).toHaveLength(expected.length);
  for (const [i, value] of actual.entries()) expect(value).toBeCloseTo(expected[i]!, 5);
}

test('the clipped loss', () => {
  expectDefinition({}, (l) => sumOver((t) => clipped(Math.exp(logRatio(l, t)), advantage(t))));
});

test('a dual clip bounds the loss of bad tokens, a cap the ratio of all', () => {
  const ratio = (l: readonly number[], t: number) => Math.exp(logRatio(l, t));
  expectDefinition({ loss: { kind: 'ppo', dualClip: 1.01 } }, (l) =>
    sumOver((t) => {
      const value = Math.max(-advantage(t) * ratio(l, t), -advantage(t) * clamp(ratio(l, t), 0.8, 1.28));
      return advantage(t) < 0 ? Math.min(value, -advantage(t) * 1.01) : value;
    }),
  );
  expectDefinition({ loss: { kind: 'ppo', ratioCap: 0.7 } }, (l) =>
    sumOver((t) => Math.max(-advantage(t) * Math.min(ratio(l, t), 0.7), -advantage(t) * clamp(ratio(l, t), 0.8, 1.28))),
  );
});

test('GSPO: one ratio a sequence, with the gradient of the formula or straight through', () => {
  const loss = (l: readonly number[]) => sumOver((t, row) => clipped(Math.exp(rowMean(l, row)), advantage(t)));
  expectDefinition({ loss: { kind: 'gspo', gradient: 'whole_row' } }, loss);
  const own = run({ loss: { kind: 'gspo' } });
  expect(own.loss).toBeCloseTo(loss(batch.logprobs), 5);
  // One advantage and one weight a row: both gradients agree, see docs/losses.md.
  expectClose(own.gradient, defined(loss).gradient);
});

test('DPPO: the ratio is a constant factor, and 0 where a probability moved too far the way it is pushed', () => {
  const [p, q] = [batch.logprobs.map(Math.exp), batch.behaviorLogprobs.map(Math.exp)];
  const at = p.map((now, t) => {
    const isInside = advantage(t) > 0 ? now - q[t]! <= 0.08 : now - q[t]! >= -0.1;
    return isInside ? Math.min(1.2, now / q[t]!) : 0;
  });
  // One of each: capped, dropped up, free, moved back up, dropped down.
  expect(at.map((weight) => Math.sign(weight))).toContain(0);
  expectDefinition(
    { loss: { kind: 'dppo', divergence: 'total_variation', ratioCap: 1.2 }, clipLow: 0.1, clipHigh: 0.08 },
    (l) => sumOver((t) => -advantage(t) * at[t]! * l[t]!),
  );
});

test('CISPO: the clamped ratio is a constant factor', () => {
  const at = batch.logprobs.map((_, t) => clamp(Math.exp(logRatio(batch.logprobs, t)), 0.8, 1.28));
  expectDefinition({ loss: { kind: 'cispo' } }, (l) => sumOver((t) => -advantage(t) * at[t]! * l[t]!));
});

test('GMPO: geometric mean of ratios clipped on the side of the advantage', () => {
  expectDefinition({ loss: { kind: 'gmpo' } }, (l) =>
    sumOver((t, row) => {
      const bound = (d: number) => (row === 0 ? Math.min(d, clip.clipHigh) : Math.max(d, -clip.clipLow));
      return -advantage(t) * Math.exp(rowMean(l, row, bound));
    }),
  );
});

test('SAPO and REINFORCE', () => {
  const gate = (x: number) => 1 / (1 + Math.exp(-x));
  expectDefinition({ loss: { kind: 'sapo', tauPositive: 1.5, tauNegative: 2 } }, (l) =>
    sumOver((t) => {
      const tau = advantage(t) > 0 ? 1.5 : 2;
      return -advantage(t) * (4 / tau) * gate(tau * (Math.exp(logRatio(l, t)) - 1));
    }),
  );
  expectDefinition({ loss: { kind: 'reinforce' } }, (l) => sumOver((t) => -advantage(t) * l[t]!));
});

test('a KL penalty is added to every token, whatever its advantage', () => {
  const d = (l: readonly number[], t: number) => l[t]! - batch.referenceLogprobs[t]!;
  const policy = (l: readonly number[]) => sumOver((t) => clipped(Math.exp(logRatio(l, t)), advantage(t)));
  const estimates = {
    k1: (x: number) => x,
    k2: (x: number) => (x * x) / 2,
    k3: (x: number) => Math.exp(-x) + x - 1,
    abs: (x: number) => Math.abs(x),
  };
  for (const [estimator, of] of Object.entries(estimates)) {
    expectDefinition(
      { kl: { kind: 'penalty', coefficient: 0.5, estimator } },
      (l) => policy(l) + 0.5 * sumOver((t) => of(d(l, t))),
    );
  }
  const straight = run({ kl: { kind: 'penalty', coefficient: 0.5, gradient: 'k2' } });
  const k2 = defined((l) => policy(l) + 0.5 * sumOver((t) => estimates.k2(d(l, t))));
  expect(straight.loss).toBeCloseTo(
    policy(batch.logprobs) + 0.5 * sumOver((t) => estimates.k3(d(batch.logprobs, t))),
    5,
  );
  expectClose(straight.gradient, k2.gradient);
});

test('the entropy is subtracted, in every kind of loss', () => {
  for (const loss of [{ kind: 'ppo' }, { kind: 'gspo' }]) {
    const without = run({ loss });
    const { loss: value, gradient, entropyGradient } = run({ loss, entropyCoefficient: 0.3 });
    expect(value).toBeCloseTo(without.loss - 0.3 * sumOver((t) => batch.entropies[t]!), 5);
    expect(gradient).toEqual(without.gradient);
    expectClose(
      entropyGradient,
      batch.weights.map((weight) => -0.3 * weight),
    );
    expect(without.entropyGradient.every((slope) => slope === 0)).toBe(true);
  }
});

test('all trajectories are trained on where a term needs no advantage', () => {
  expect(trainsOnAll(rlConfigSchema.parse({}))).toBe(false);
  expect(trainsOnAll(rlConfigSchema.parse({ entropyCoefficient: 0.01 }))).toBe(true);
  expect(trainsOnAll(rlConfigSchema.parse({ kl: { kind: 'penalty', coefficient: 1 } }))).toBe(true);
});
