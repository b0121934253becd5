import { expect, test } from 'vitest';
import { type InvalidConfigError, parseRunConfig } from './index.js';

function problemsOf(rl: unknown): readonly string[] {
  try {
    parseRunConfig('train', { init: 'policy', rl }, 'train.json');
    return [];
  } catch (error) {
    return (error as InvalidConfigError).problems.map(({ path }) => path);
  }
}

test('the defaults are the clipped loss with token mean, without KL and entropy', () => {
  const { rl } = parseRunConfig('train', { init: 'policy' }, 'train.json');
  expect(rl).toMatchObject({
    loss: { kind: 'ppo' },
    reduction: { mode: 'token_mean' },
    kl: { kind: 'none' },
    entropyCoefficient: 0,
    credit: { kind: 'trajectory' },
    advantage: 'grpo',
  });
  expect(rl.loss).toEqual({ kind: 'ppo' });
});

test('each option is accepted where it has an effect', () => {
  for (const rl of [
    { loss: { kind: 'ppo', dualClip: 3 } },
    { loss: { kind: 'ppo', ratioCap: 4, dualClip: 3 } },
    { loss: { kind: 'gspo', gradient: 'whole_row' }, clipLow: 3e-4, clipHigh: 4e-4 },
    { loss: { kind: 'cispo' }, clipHigh: 4 },
    { loss: { kind: 'gmpo' }, clipLow: 0.4 },
    { loss: { kind: 'sapo', tauNegative: 2 } },
    { loss: { kind: 'dppo', divergence: 'kl', ratioCap: 3 }, clipLow: 0.05, clipHigh: 0.05 },
    { loss: { kind: 'reinforce' } },
    { reduction: { mode: 'constant', length: 512 } },
    { kl: { kind: 'penalty', coefficient: 0.01, gradient: 'k2' } },
    { credit: { kind: 'mt_grpo', firstTurnWeight: 0.5 } },
    { credit: { kind: 'gigpo' }, advantage: 'dr_grpo' },
    { advantage: 'remax', credit: { kind: 'turn', discount: 0.5 } },
  ]) {
    expect(problemsOf(rl)).toEqual([]);
  }
});

test('an option that would do nothing is refused, by its path', () => {
  expect(problemsOf({ loss: { kind: 'sapo' }, clipLow: 0.1 })).toEqual(['rl.clipLow']);
  expect(problemsOf({ loss: { kind: 'reinforce' }, clipHigh: 0.5, clipLow: 0.5 })).toEqual([
    'rl.clipLow',
    'rl.clipHigh',
  ]);
  expect(problemsOf({ loss: { kind: 'ppo', dualClip: 3, ratioCap: 2 } })).toEqual(['rl.loss.dualClip']);
  expect(problemsOf({ kl: { kind: 'penalty', coefficient: 1, estimator: 'k2', gradient: 'k2' } })).toEqual([
    'rl.kl.gradient',
  ]);
  expect(problemsOf({ credit: { kind: 'mt_grpo' }, advantage: 'rloo' })).toEqual(['rl.advantage']);
  expect(problemsOf({ credit: { kind: 'gigpo' }, advantage: 'opo' })).toEqual(['rl.advantage']);
  expect(problemsOf({ sampling: { temperature: 0 } })).toEqual(['rl.sampling.temperature']);
});

test('a key of another variant is refused, and so is a length that the mode does not take', () => {
  expect(problemsOf({ loss: { kind: 'cispo', dualClip: 3 } })).toEqual(['rl.loss.dualClip']);
  expect(problemsOf({ loss: { kind: 'ppo', tauPositive: 1 } })).toEqual(['rl.loss.tauPositive']);
  expect(problemsOf({ reduction: { mode: 'token_mean', length: 5 } })).toEqual(['rl.reduction.length']);
  expect(problemsOf({ reduction: { mode: 'constant' } })).toEqual(['rl.reduction.length']);
  expect(problemsOf({ kl: { kind: 'none', coefficient: 0.1 } })).toEqual(['rl.kl.coefficient']);
});

test('the demo checks its options too', () => {
  expect(() => parseRunConfig('demo', { rl: { credit: { kind: 'mt_grpo' } } }, 'demo.json')).toThrow(
    'expected advantage grpo with credit.kind mt_grpo, received rloo',
  );
});
