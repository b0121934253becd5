import { describe, expect, test } from 'vitest';
import { rlFixture } from './fixtures.testing.js';
import { type AdvantageEstimator, broadcastToTokens, type GroupAdvantageOptions, groupAdvantages } from './index.js';

describe('groupAdvantages', () => {
  // Group 5 holds 1, 2, 6: mean 3, sample variance (4 + 1 + 9) / 2 = 7. Group -1 holds 4 alone.
  const rewards = [1, 4, 2, 6];
  const groupIds = Int32Array.of(5, -1, 5, 5);

  test('worked example', () => {
    expect([...groupAdvantages(rewards, groupIds, { estimator: 'dr_grpo' })]).toEqual([-2, 0, -1, 3]);
    expect([...groupAdvantages(rewards, groupIds, { estimator: 'rloo' })]).toEqual([-3, 0, -1.5, 4.5]);
    const grpo = groupAdvantages(rewards, groupIds, { estimator: 'grpo', epsilon: 0.5 });
    expect(grpo[0]).toBeCloseTo(-2 / (Math.sqrt(7) + 0.5), 14);
    expect(grpo[1]).toBe(0);
  });

  test('no rewards, no advantages', () => {
    expect(groupAdvantages([], new Int32Array(0), { estimator: 'grpo' })).toHaveLength(0);
  });

  test('seven rewards of 0.35 give exact zeros even with a tiny epsilon', () => {
    const out = groupAdvantages(Array(7).fill(Math.fround(0.35)), new Int32Array(7), {
      estimator: 'grpo',
      epsilon: 1e-9,
    });
    expect([...out]).toEqual(Array(7).fill(0));
  });

  test.each([
    [[1, Number.NaN], 'received NaN at index 1'],
    [[Number.POSITIVE_INFINITY, Number.NaN], 'received Infinity at index 0'],
    [[0, -2e290], 'received -2e+290 at index 1'],
  ])('reward %j is refused', (bad, message) => {
    expect(() => groupAdvantages(bad, new Int32Array(2), { estimator: 'rloo' })).toThrow(message);
  });

  test('lengths, estimator and epsilon are checked', () => {
    expect(() => groupAdvantages([1, 2], new Int32Array(3), { estimator: 'grpo' })).toThrow(
      'expected groupIds.length to be rewards.length 2, received 3',
    );
    expect(() => groupAdvantages([1], new Int32Array(1), { estimator: 'ppo' as AdvantageEstimator })).toThrow(
      'expected estimator to be one of grpo, dr_grpo, rloo, received ppo',
    );
    expect(() => groupAdvantages([1], new Int32Array(1), { estimator: 'grpo', epsilon: -1 })).toThrow('received -1');
    expect(() => groupAdvantages([1], new Int32Array(1), { estimator: 'rloo', epsilon: 0 })).toThrow(
      'expected no epsilon with estimator rloo',
    );
  });
});

describe('broadcastToTokens', () => {
  test('empty segments take no token, values are rounded to float32', () => {
    const out = broadcastToTokens(Float64Array.of(1.5, 9, 0.1), Int32Array.of(0, 2, 2, 3));
    expect([...out]).toEqual([1.5, 1.5, Math.fround(0.1)]);
    expect(broadcastToTokens(new Float64Array(0), Int32Array.of(0))).toHaveLength(0);
  });

  test('offsets are checked', () => {
    expect(() => broadcastToTokens(new Float64Array(2), Int32Array.of(0, 3, 2))).toThrow(
      'expected offsets to ascend, received 3 then 2 at index 2',
    );
    expect(() => broadcastToTokens(new Float64Array(1), Int32Array.of(1, 2))).toThrow(
      'expected offsets[0] to be 0, received 1',
    );
    expect(() => broadcastToTokens(new Float64Array(2), Int32Array.of(0, 3))).toThrow(
      'expected offsets.length to be values.length + 1 = 3, received 2',
    );
    expect(() => broadcastToTokens(new Float64Array(0), new Int32Array(0))).toThrow('received no entries');
  });
});

interface VerlInputs {
  readonly token_level_rewards: readonly (readonly number[])[];
  readonly response_mask: readonly (readonly number[])[];
  readonly index: readonly string[];
}
const verl = rlFixture<VerlInputs, { readonly advantages: readonly (readonly number[])[] }>('verl-advantages.jsonl');

describe.skipIf(!verl)('verl 0.9.1', () => {
  const estimators: Readonly<Record<string, AdvantageEstimator>> = {
    grpo: 'grpo',
    rloo: 'rloo',
    rloo_vectorized: 'rloo',
  };
  // Faulty cases show rounding that leaks from equal rewards; verl passes a group of one through, we give it zero.
  const usable = (verl ?? []).filter(
    ({ options, fault }) => !fault && Object.hasOwn(estimators, String(options['estimator'])),
  );

  test('grpo, dr_grpo and rloo over groups of two and more', () => {
    let compared = 0;
    for (const { name, options, inputs, outputs } of usable) {
      const rewards = inputs.token_level_rewards.map((row) => row.reduce((sum, reward) => sum + reward, 0));
      const uids = [...new Set(inputs.index)];
      const groupIds = Int32Array.from(inputs.index, (uid) => uids.indexOf(uid));
      const out = groupAdvantages(rewards, groupIds, verlOptions(options));
      for (const [row, mask] of inputs.response_mask.entries()) {
        const token = mask.indexOf(1);
        const peers = inputs.index.filter((uid) => uid === inputs.index[row]).length;
        if (token < 0 || peers < 2) continue;
        const expected = outputs.advantages[row]![token]!;
        expect(Math.abs(out[row]! - expected), `${name} row ${row}`).toBeLessThanOrEqual(
          1e-9 * Math.max(1, Math.abs(expected)),
        );
        compared++;
      }
    }
    expect(compared).toBeGreaterThan(500);
  });

  function verlOptions(options: Readonly<Record<string, unknown>>): GroupAdvantageOptions {
    const estimator = estimators[String(options['estimator'])]!;
    if (estimator !== 'grpo') return { estimator };
    if (options['norm_adv_by_std_in_grpo'] === false) return { estimator: 'dr_grpo' };
    return { estimator, epsilon: (options['epsilon'] as number | undefined) ?? 1e-6 };
  }
});

interface TrlInputs {
  readonly rewards: readonly (readonly (number | string | null)[])[];
}
const trl = rlFixture<TrlInputs, { readonly advantages: readonly number[] }>('trl-advantages.jsonl');

describe.skipIf(!trl)('TRL 1.16.0', () => {
  test('group-scaled GRPO, unscaled GRPO and RLOO', () => {
    let compared = 0;
    for (const { name, source, options, inputs, outputs, fault } of trl ?? []) {
      const rows = inputs.rewards;
      if (fault || rows.some((parts) => parts.some((part) => typeof part !== 'number'))) continue;
      const chosen = trlOptions(source, options);
      if (chosen === undefined) continue;
      const weights = options['reward_weights'] as readonly number[];
      const rewards = rows.map((parts) => parts.reduce<number>((sum, part, i) => sum + Number(part) * weights[i]!, 0));
      const groupIds = Int32Array.from(rewards, (_, row) => Math.floor(row / (options['num_generations'] as number)));
      const out = groupAdvantages(rewards, groupIds, chosen);
      for (const [row, expected] of outputs.advantages.entries()) {
        expect(Math.abs(out[row]! - expected), `${name} row ${row}`).toBeLessThanOrEqual(
          1e-9 * Math.max(1, Math.abs(expected)),
        );
        compared++;
      }
    }
    expect(compared).toBeGreaterThan(200);
  });

  function trlOptions(source: string, options: Readonly<Record<string, unknown>>): GroupAdvantageOptions | undefined {
    if (source.includes('RLOOTrainer')) {
      const plain =
        options['normalize_advantages'] === false && options['reward_clip_range'] === null && options['beta'] === 0;
      return plain ? { estimator: 'rloo' } : undefined;
    }
    if (options['multi_objective_aggregation'] !== 'sum_then_normalize') return undefined;
    if (options['scale_rewards'] === 'none') return { estimator: 'dr_grpo' };
    return options['scale_rewards'] === 'group' ? { estimator: 'grpo', epsilon: 1e-4 } : undefined;
  }
});
