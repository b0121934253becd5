import {
  bestOfGroupAdvantages,
  broadcastToSampled,
  type GroupAdvantageOptions,
  generalizedAdvantages,
  groupAdvantagePresets,
  groupAdvantages,
  lengthBaselineAdvantages,
  paddedTokenRows,
  partAdvantages,
  reinforceBaselineAdvantages,
  reinforcePlusPlus,
  remaxAdvantages,
  type TokenRows,
  tokenBaselineAdvantages,
  tokenRewardSums,
  whiten,
} from '@parl-mt/native';
import {
  bestOfGroupReference,
  broadcastToSampledReference,
  discountedReturnsReference,
  generalizedAdvantagesReference,
  groupAdvantagesReference,
  lengthBaselineReference,
  partAdvantagesReference,
  tokenBaselineReference,
  whitenReference,
} from '@parl-mt/native/reference';
import { type FixtureCase, matrixOf, vectorOf } from './fixture.js';
import type { FixtureFile } from './report.js';
import {
  bessel,
  type Comparison,
  compare,
  compared,
  exact,
  fault,
  float32,
  float64,
  holds,
  type Tolerance,
  throws,
  type Verdict,
} from './verdict.js';

export const verlAdvantages: FixtureFile = { file: 'verl-advantages.jsonl', judge };

/** The padded matrices of a case, flat. */
interface Batch {
  readonly rows: TokenRows;
  readonly rewards: Float32Array;
  /** One outcome a row: verl adds up the whole row, masked tokens included. */
  readonly outcomes: Float64Array;
  readonly groupIds: Int32Array;
  readonly isSampled: (token: number) => boolean;
}

function batchOf({ inputs }: FixtureCase): Batch {
  const rewards = matrixOf(inputs['token_level_rewards']);
  const rows = paddedTokenRows(matrixOf(inputs['response_mask']));
  const index = (inputs['index'] ?? rewards.map(() => '')) as readonly unknown[];
  const names = [...new Set(index)];
  return {
    rows,
    rewards: Float32Array.from(rewards.flat()),
    outcomes: Float64Array.from(rewards, (row) => row.reduce((sum, reward) => sum + reward, 0)),
    groupIds: Int32Array.from(index, (name) => names.indexOf(name)),
    isSampled: (token) => rows.mask[token] === 1,
  };
}

function judge(each: FixtureCase): Verdict {
  const estimator = each.source
    .split('.')
    .at(-1)!
    .replace(/^compute_/, '')
    .replace(/(_outcome)?_advantage(_return)?$/, '');
  switch (estimator) {
    case 'grpo':
    case 'grpo_vectorized':
    case 'rloo':
    case 'rloo_vectorized':
    case 'opo':
    case 'gpg':
    case 'grpo_passk':
      return judgeOutcome(each, estimator);
    case 'reinforce_plus_plus_baseline':
      return judgeReinforceBaseline(each);
    case 'reinforce_plus_plus':
      return judgeReinforce(each);
    case 'gae':
      return judgeGae(each);
    case 'remax':
      return judgeRemax(each);
    case 'gdpo':
      return judgeParts(each);
    case 'multi_turn_optimal_token_baseline':
    case 'optimal_token_baseline':
      return judgeTokenBaseline(each);
    default:
      throw new TypeError(`expected a known estimator, received ${estimator}`);
  }
}

/** Rows are lined up by their sampled tokens, as the `tir_` form does; the other one lines up columns, observations included. */
function judgeTokenBaseline(each: FixtureCase): Verdict {
  const { inputs, options, outputs } = each;
  const { rows, rewards, groupIds, isSampled } = batchOf(each);
  const flat = (key: string): Float32Array => Float32Array.from(matrixOf(inputs[key]).flat());
  const tokens = {
    rewards,
    logprobs: flat('old_log_probs'),
    squares: flat('sum_pi_squared'),
    ...(inputs['rollout_is_weights'] == null ? {} : { corrections: flat('rollout_is_weights') }),
  };
  const chosen = {
    singleton: 'return',
    tail: options['handle_zero_tail'] === true ? 'return' : 'zero',
  } as const;
  const native = tokenBaselineAdvantages(tokens, rows, groupIds, chosen);
  const reference = tokenBaselineReference(tokens, rows, groupIds, chosen);
  const expected = (key: string): number[] => matrixOf(outputs[key]).flat();
  // A baseline of its own return alone leaves a residue of epsilon there, 1e-8 of the return; here it is 0.
  const alone: Tolerance = (value) => 1e-7 * Math.max(1, Math.abs(value));
  const isByColumn = options['estimator'] === 'optimal_token_baseline' && !isPrefix(rows);
  if (isByColumn) {
    // The same rows without their observations have the same advantages.
    const dense = denseTokens(tokens, rows);
    const again = tokenBaselineAdvantages(dense.tokens, dense.rows, groupIds, chosen).advantages;
    const kept = Float32Array.from(native.advantages.filter((_, t) => isSampled(t)));
    return fault(
      'rows are lined up by their sampled tokens: observations, which verl counts as steps here, shift nothing',
      compare('advantages without observations', again, kept, exact),
    );
  }
  return compared(
    compare('advantages, native', native.advantages, expected('advantages'), float32, isSampled),
    compare('advantages, reference', reference.advantages, expected('advantages'), alone, isSampled),
    compare('returns, native', native.returns, expected('returns'), float32, isSampled),
    compare('returns, reference', reference.returns, expected('returns'), float64, isSampled),
  );
}

/** Whether no row has an observation before a sampled token. */
function isPrefix({ mask, offsets }: TokenRows): boolean {
  for (let row = 0; row + 1 < offsets.length; row += 1) {
    const flags = mask.subarray(offsets[row], offsets[row + 1]);
    if (flags.some((flag, t) => flag === 1 && t > 0 && flags[t - 1] === 0)) return false;
  }
  return true;
}

/** The sampled tokens alone. */
function denseTokens<Tokens extends Readonly<Record<string, Float32Array>>>(tokens: Tokens, rows: TokenRows) {
  const kept = [...rows.mask.keys()].filter((t) => rows.mask[t] === 1);
  const values = Object.entries(tokens).map(([name, all]) => [name, Float32Array.from(kept, (t) => all[t]!)]);
  return {
    tokens: Object.fromEntries(values) as Tokens,
    rows: {
      mask: new Uint8Array(kept.length).fill(1),
      offsets: Int32Array.from(rows.offsets, (offset) => kept.filter((t) => t < offset).length),
    },
  };
}

type OutcomeEstimator = 'grpo' | 'grpo_vectorized' | 'rloo' | 'rloo_vectorized' | 'opo' | 'gpg' | 'grpo_passk';

/** Advantages of rows under the preset, and under our own defaults. */
function outcomeAdvantages(
  estimator: OutcomeEstimator,
  { options }: FixtureCase,
  { outcomes, groupIds, rows }: Batch,
  singleton: 'zero' | 'reward',
): { native: Float64Array; reference: Float64Array } {
  const group = (chosen: GroupAdvantageOptions, factor = 1) => {
    const used = { ...chosen, singleton };
    return {
      native: groupAdvantages(outcomes, groupIds, used).map((advantage) => advantage * factor),
      reference: groupAdvantagesReference(outcomes, groupIds, used).map((advantage) => advantage * factor),
    };
  };
  const { verl } = groupAdvantagePresets;
  switch (estimator) {
    case 'grpo':
    case 'grpo_vectorized': {
      if (options['norm_adv_by_std_in_grpo'] === false) return group(verl.drGrpo);
      return group({ ...verl.grpo, epsilon: (options['epsilon'] as number | undefined) ?? verl.grpo.epsilon });
    }
    case 'rloo':
      return group(verl.rloo);
    case 'rloo_vectorized':
      return group(verl.rlooVectorized);
    case 'gpg': {
      // Scaled by the share of rows with a reward, and by f_norm.
      const scored = Math.max(1, outcomes.filter((outcome) => outcome !== 0).length);
      return group(verl.drGrpo, outcomes.length / scored / ((options['f_norm'] as number | undefined) ?? 1));
    }
    case 'opo': {
      const lengths = sampledPerRow(rows);
      return {
        native: lengthBaselineAdvantages(outcomes, lengths, groupIds, { singleton }),
        reference: lengthBaselineReference(outcomes, lengths, groupIds, { singleton }),
      };
    }
    case 'grpo_passk': {
      const scale = options['norm_adv_by_std_in_grpo'] === true;
      return {
        native: bestOfGroupAdvantages(outcomes, groupIds, { scale }),
        reference: bestOfGroupReference(outcomes, groupIds, { scale }),
      };
    }
  }
}

function judgeOutcome(each: FixtureCase, estimator: OutcomeEstimator): Verdict {
  const batch = batchOf(each);
  const singletons = [...batch.groupIds.keys()].filter(
    (row) => batch.groupIds.filter((id) => id === batch.groupIds[row]).length === 1,
  );
  if (each.outputs['error'] !== undefined) {
    const { native } = outcomeAdvantages(estimator, each, batch, 'zero');
    const zero = singletons.length > 0 && singletons.every((row) => native[row] === 0);
    return compared(holds('verl refuses a group of one; ours is 0', zero));
  }
  const ours = outcomeAdvantages(estimator, each, batch, 'zero');
  if (each.fault && singletons.length === 0) {
    const zeros = [ours.native, ours.reference].map((values, i) =>
      holds(
        `${i === 0 ? 'native' : 'reference'} gives exact zeros`,
        values.every((value) => value === 0),
      ),
    );
    return fault('equal raw rewards give exactly 0', ...zeros);
  }
  const expected = matrixOf(each.outputs['advantages']).flat();
  const preset = estimator === 'rloo_vectorized' ? ours : outcomeAdvantages(estimator, each, batch, 'reward');
  const tolerance = each.internal_float32 === true ? float32Source(each, batch) : undefined;
  const comparisons = [
    ...tokens(
      'preset verl',
      expected,
      batch,
      preset,
      tolerance ?? (singletons.length > 0 ? bessel : float64),
      tolerance,
    ),
    ...strayRewards(batch),
  ];
  if (!each.fault) return compared(...comparisons);
  const zero = singletons.every((row) => ours.native[row] === 0 && ours.reference[row] === 0);
  return fault('a group of one gets 0 by default, the preset reproduces verl', ...comparisons, holds('zero', zero));
}

/**
 * What a source that sums in float32 is itself off by: a group's mean by its size times half a unit in the last place of the
 * largest reward, which the group's deviation divides where it scales.
 */
function float32Source({ options }: FixtureCase, { outcomes, groupIds }: Batch): Tolerance {
  let rounding = 0;
  for (const id of new Set(groupIds)) {
    const rewards = outcomes.filter((_, row) => groupIds[row] === id);
    const mean = rewards.reduce((sum, reward) => sum + reward, 0) / rewards.length;
    const squares = rewards.reduce((sum, reward) => sum + (reward - mean) ** 2, 0);
    const deviation = Math.sqrt(squares / Math.max(1, rewards.length - 1));
    const divisor = options['norm_adv_by_std_in_grpo'] === false || deviation === 0 ? 1 : deviation;
    rounding = Math.max(rounding, (rewards.length * 2 ** -24 * Math.max(...rewards.map(Math.abs))) / divisor);
  }
  return (expected, largest) => float32(expected, largest) + rounding;
}

/** Token advantages of row advantages, native and reference, against the expected matrix. */
function tokens(
  what: string,
  expected: readonly number[],
  { rows }: Batch,
  { native, reference }: { readonly native: Float64Array; readonly reference: Float64Array },
  tolerance: Tolerance,
  rounded: Tolerance = float32,
): Comparison[] {
  return [
    compare(`${what}, native float64`, broadcastToSampledReference(native, rows), expected, tolerance),
    compare(`${what}, native`, broadcastToSampled(native, rows), expected, rounded),
    compare(`${what}, reference`, broadcastToSampledReference(reference, rows), expected, tolerance),
  ];
}

/** Our own way in refuses a reward outside the mask, and agrees with the row's sum elsewhere. */
function strayRewards({ rewards, rows, outcomes }: Batch): Comparison[] {
  const isStray = rewards.some((reward, token) => reward !== 0 && rows.mask[token] === 0);
  if (isStray)
    return [throws('a reward outside the mask is refused', () => tokenRewardSums(rewards, rows), 'mask is 0')];
  return [compare('row rewards, native', tokenRewardSums(rewards, rows), outcomes, float64)];
}

function sampledPerRow({ mask, offsets }: TokenRows): Float64Array {
  return Float64Array.from({ length: offsets.length - 1 }, (_, row) =>
    mask.subarray(offsets[row], offsets[row + 1]).reduce((sum, flag) => sum + flag, 0),
  );
}

function judgeReinforceBaseline(each: FixtureCase): Verdict {
  const { outcomes, groupIds, rows } = batchOf(each);
  const run = (singleton: 'zero' | 'reward') => ({
    native: reinforceBaselineAdvantages(outcomes, groupIds, rows, { singleton }),
    reference: whitenReference(
      broadcastToSampledReference(
        groupAdvantagesReference(outcomes, groupIds, { estimator: 'dr_grpo', singleton }),
        rows,
      ),
      rows.mask,
    ),
  });
  if (each.outputs['error'] !== undefined) {
    return fault(
      'one sampled token in the batch gives 0',
      holds(
        'zero',
        run('zero').native.every((value) => value === 0),
      ),
    );
  }
  const expected = matrixOf(each.outputs['advantages']).flat();
  const { native, reference } = run('reward');
  const comparisons = [
    compare('preset verl, native', native, expected, float32),
    compare('preset verl, reference', reference, expected, bessel),
  ];
  if (!each.fault) return compared(...comparisons);
  if (expected.every((value) => Math.abs(value) < 1e-3)) {
    return fault(
      'equal rewards give exactly 0',
      holds(
        'zero',
        run('zero').native.every((value) => value === 0),
      ),
    );
  }
  return fault('a group of one gets 0 before whitening by default, the preset reproduces verl', ...comparisons);
}

function judgeReinforce(each: FixtureCase): Verdict {
  const { rewards, rows, isSampled } = batchOf(each);
  const gamma = each.options['gamma'] as number;
  const run = () => reinforcePlusPlus(rewards, rows, { gamma });
  if (rewards.some((reward, token) => reward !== 0 && !isSampled(token))) {
    return fault('a reward outside the mask is refused', throws('refused', run, 'mask is 0'));
  }
  if (each.outputs['error'] !== undefined || each.fault) {
    const zero = run().advantages.every((advantage) => advantage === 0);
    const what = each.outputs['error'] === undefined ? 'equal returns give exactly 0' : 'one sampled token gives 0';
    return fault(what, holds('zero', zero));
  }
  const advantages = matrixOf(each.outputs['advantages']).flat();
  const returns = matrixOf(each.outputs['returns']).flat();
  const native = run();
  const reference = discountedReturnsReference(rewards, rows, { gamma });
  return compared(
    compare('returns, native', native.returns, returns, float32),
    compare('advantages, native', native.advantages, advantages, float32),
    compare('returns, reference', reference, returns, float64),
    compare('advantages, reference', whitenReference(reference, rows.mask), advantages, bessel),
  );
}

function judgeGae(each: FixtureCase): Verdict {
  const { rewards, rows, isSampled } = batchOf(each);
  const values = Float32Array.from(matrixOf(each.inputs['values']).flat());
  const options = { gamma: each.options['gamma'] as number, lambda: each.options['lam'] as number };
  const run = () => generalizedAdvantages(rewards, values, rows, options);
  if (rewards.some((reward, token) => reward !== 0 && !isSampled(token))) {
    return fault('a reward outside the mask is refused', throws('refused', run, 'mask is 0'));
  }
  const advantages = matrixOf(each.outputs['advantages']).flat();
  const returns = matrixOf(each.outputs['returns']).flat();
  const native = run();
  const reference = generalizedAdvantagesReference(rewards, values, rows, options);
  // Outside the mask verl leaves what the loss does not read, ours is 0.
  return compared(
    compare('returns, native', native.returns, returns, float32, isSampled),
    compare('advantages, native', native.advantages, advantages, float32, isSampled),
    compare('returns, reference', reference.returns, returns, float64, isSampled),
    compare('advantages, reference', reference.advantages, advantages, bessel, isSampled),
  );
}

function judgeRemax(each: FixtureCase): Verdict {
  const { rewards, rows, isSampled } = batchOf(each);
  const baselines = vectorOf(each.inputs['reward_baselines']);
  const advantages = matrixOf(each.outputs['advantages']).flat();
  const returns = matrixOf(each.outputs['returns']).flat();
  const native = remaxAdvantages(rewards, baselines, rows);
  const reference = discountedReturnsReference(rewards, rows);
  const spread = broadcastToSampledReference(baselines, rows);
  return compared(
    compare('returns, native', native.returns, returns, float32, isSampled),
    compare('advantages, native', native.advantages, advantages, float32, isSampled),
    compare(
      'advantages, reference',
      reference.map((value, token) => value - spread[token]!),
      advantages,
      float64,
      isSampled,
    ),
  );
}

function judgeParts(each: FixtureCase): Verdict {
  const { rows, groupIds } = batchOf(each);
  const parts = Object.values(each.inputs['parts'] as Readonly<Record<string, readonly unknown[]>>).map(vectorOf);
  const flat = Float64Array.from([...groupIds.keys()].flatMap((row) => parts.map((part) => part[row]!)));
  const weights = vectorOf(each.options['weights'] ?? parts.map(() => 1));
  const run = (singleton: 'zero' | 'reward') => {
    const options = { weights, epsilon: 1e-6, singleton };
    return {
      native: whiten(broadcastToSampled(partAdvantages(flat, groupIds, options), rows), rows.mask),
      reference: whitenReference(
        broadcastToSampledReference(partAdvantagesReference(flat, groupIds, options), rows),
        rows.mask,
      ),
    };
  };
  const expected = matrixOf(each.outputs['advantages']).flat();
  const preset = run('reward');
  const comparisons = [
    compare('preset verl, native', preset.native, expected, float32),
    compare('preset verl, reference', preset.reference, expected, float32),
  ];
  if (!each.fault) return compared(...comparisons);
  return fault('a group of one gets 0 by default, the preset reproduces verl', ...comparisons);
}
