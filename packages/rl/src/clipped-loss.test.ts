import { selectBackend, tf } from '@parl-mt/tfjs-backend';
import fc from 'fast-check';
import { beforeAll, expect, test } from 'vitest';
import { clippedLoss } from './clipped-loss.js';

beforeAll(async () => {
  await selectBackend('cpu');
});

const clip = { low: 0.2, high: 0.28 };

interface Row {
  readonly logprob: number;
  readonly behavior: number;
  readonly advantage: number;
  readonly weight: number;
}

function run(rows: readonly Row[]): { loss: number; gradient: Float32Array } {
  const tensor = (pick: (row: Row) => number): tf.Tensor1D => tf.tensor1d(rows.map(pick), 'float32');
  const { value, grad } = tf.valueAndGrad((logprobs: tf.Tensor) =>
    clippedLoss(
      {
        logprobs: logprobs as tf.Tensor1D,
        behaviorLogprobs: tensor(({ behavior }) => behavior),
        advantages: tensor(({ advantage }) => advantage),
        weights: tensor(({ weight }) => weight),
      },
      clip,
    ),
  )(tensor(({ logprob }) => logprob));
  return { loss: value.dataSync()[0]!, gradient: grad.dataSync() as Float32Array };
}

test('at ratio 1 the loss is minus the weighted advantage, and so is the gradient', () => {
  const { loss, gradient } = run([
    { logprob: -1, behavior: -1, advantage: 2, weight: 0.5 },
    { logprob: -3, behavior: -3, advantage: -1, weight: 0.25 },
  ]);
  expect(loss).toBeCloseTo(-(0.5 * 2 - 0.25), 6);
  expect([...gradient]).toEqual([-1, 0.25]);
});

test('a good token past the upper bound and a bad one past the lower bound get no gradient', () => {
  const { loss, gradient } = run([
    { logprob: Math.log(1.5), behavior: 0, advantage: 1, weight: 1 },
    { logprob: Math.log(0.5), behavior: 0, advantage: -1, weight: 1 },
  ]);
  // max(-1.5, -1.28) + max(0.5, 0.8)
  expect(loss).toBeCloseTo(-1.28 + 0.8, 5);
  expect([...gradient].map((g) => Math.abs(g))).toEqual([0, 0]);
});

test('a bad token past the upper bound keeps its full gradient', () => {
  const { gradient } = run([{ logprob: Math.log(1.5), behavior: 0, advantage: -1, weight: 1 }]);
  expect(gradient[0]).toBeCloseTo(1.5, 5);
});

test('the loss equals its definition, and cutting a batch changes no gradient', () => {
  const row = fc.record({
    logprob: fc.double({ min: -3, max: 0, noNaN: true }),
    behavior: fc.double({ min: -3, max: 0, noNaN: true }),
    advantage: fc.double({ min: -2, max: 2, noNaN: true }),
    weight: fc.double({ min: 0, max: 1, noNaN: true }),
  });
  fc.assert(
    fc.property(fc.array(row, { minLength: 1, maxLength: 8 }), fc.nat(), (rows, cutAt) => {
      const whole = run(rows);
      let expected = 0;
      for (const { logprob, behavior, advantage, weight } of rows) {
        const ratio = Math.exp(logprob - behavior);
        const clipped = Math.min(Math.max(ratio, 1 - clip.low), 1 + clip.high);
        expected += weight * Math.max(-advantage * ratio, -advantage * clipped);
      }
      // Ratios up to e^3, float32: 8 terms of at most 40, each with a few rounding errors of 6e-8.
      expect(Math.abs(whole.loss - expected)).toBeLessThan(1e-4);
      const cut = cutAt % rows.length;
      const parts = [rows.slice(0, cut), rows.slice(cut)].filter((part) => part.length > 0).map(run);
      expect(parts.flatMap(({ gradient }) => [...gradient])).toEqual([...whole.gradient]);
    }),
    { numRuns: 60 },
  );
});
