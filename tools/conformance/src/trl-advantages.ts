import {
  type GroupAdvantageOptions,
  groupAdvantagePresets,
  groupAdvantages,
  partAdvantages,
  standardize,
} from '@parl-mt/native';
import { groupAdvantagesReference, partAdvantagesReference, standardizeReference } from '@parl-mt/native/reference';
import { type FixtureCase, matrixOf, vectorOf } from './fixture.js';
import type { FixtureFile } from './report.js';
import { compare, compared, fault, float64, holds, throws, type Verdict } from './verdict.js';

export const trlAdvantages: FixtureFile = { file: 'trl-advantages.jsonl', judge };

interface Batch {
  /** [rows][parts], NaN where missing. */
  readonly parts: readonly (readonly number[])[];
  readonly weights: readonly number[];
  readonly groupIds: Int32Array;
}

function judge(each: FixtureCase): Verdict {
  const parts = matrixOf(each.inputs['rewards']);
  const batch: Batch = {
    parts,
    weights: vectorOf(each.options['reward_weights'] ?? [1]),
    groupIds: Int32Array.from(parts, (_, row) => Math.floor(row / (each.options['num_generations'] as number))),
  };
  const ours = each.source.includes('RLOOTrainer') ? rloo(each, batch) : grpo(each, batch);
  const expected = vectorOf(each.outputs['advantages']);
  const comparisons = [
    compare('preset trl, native', ours.native, expected, float64),
    compare('preset trl, reference', ours.reference, expected, float64),
  ];
  if (!each.fault) return compared(...comparisons);
  if (isPartlyMissing(batch)) {
    const strict = () => groupAdvantages(partlySummed(batch), batch.groupIds, { estimator: 'grpo' });
    return fault('a row with a missing part is refused by default', throws('refused', strict, 'finite rewards'));
  }
  const equal = groupsOfEqualRewards(batch);
  const zero = equal.length > 0 && equal.every((row) => ours.native[row] === 0 && ours.reference[row] === 0);
  return fault('equal raw rewards give exactly 0', holds('zero', zero));
}

/** Weighted sums in which a missing part counts as 0, as TRL takes them; NaN where every part is missing. */
function summed({ parts, weights }: Batch): Float64Array {
  return Float64Array.from(parts, (row) =>
    row.every(Number.isNaN)
      ? Number.NaN
      : row.reduce((sum, part, i) => sum + (Number.isNaN(part) ? 0 : part * weights[i]!), 0),
  );
}

/** The same, NaN where any part is missing. */
function partlySummed({ parts, weights }: Batch): Float64Array {
  return Float64Array.from(parts, (row) => row.reduce((sum, part, i) => sum + part * weights[i]!, 0));
}

function isPartlyMissing({ parts }: Batch): boolean {
  return parts.some((row) => row.some(Number.isNaN) && !row.every(Number.isNaN));
}

function groupsOfEqualRewards(batch: Batch): number[] {
  const rewards = summed(batch);
  const rows = [...batch.groupIds.keys()];
  return rows.filter((row) =>
    rows.every((other) => batch.groupIds[other] !== batch.groupIds[row] || rewards[other] === rewards[row]),
  );
}

interface Ours {
  readonly native: Float64Array;
  readonly reference: Float64Array;
}

function grpo({ options }: FixtureCase, batch: Batch): Ours {
  const { trl } = groupAdvantagePresets;
  if (options['multi_objective_aggregation'] === 'normalize_then_sum') {
    const chosen = { weights: batch.weights, epsilon: trl.grpo.epsilon };
    const flat = Float64Array.from(batch.parts.flat());
    return {
      native: standardize(partAdvantages(flat, batch.groupIds, chosen)),
      reference: standardizeReference(partAdvantagesReference(flat, batch.groupIds, chosen)),
    };
  }
  const scale = options['scale_rewards'] as 'group' | 'batch' | 'none';
  return grouped(summed(batch), batch, { group: trl.grpo, batch: trl.grpoBatch, none: trl.drGrpo }[scale]);
}

function rloo({ options, inputs }: FixtureCase, batch: Batch): Ours {
  let rewards = summed(batch);
  if (options['reward_clip_range'] != null) {
    const [low, high] = vectorOf(options['reward_clip_range']);
    rewards = rewards.map((reward) => (Number.isNaN(reward) ? reward : Math.min(Math.max(reward, low!), high!)));
  }
  const beta = (options['beta'] as number | undefined) ?? 0;
  if (beta !== 0) {
    const [old, reference] = [matrixOf(inputs['old_log_prob']), matrixOf(inputs['ref_log_prob'])];
    const lengths = vectorOf(inputs['completion_lengths']);
    rewards = rewards.map((reward, row) => {
      const kl = old[row]!.slice(0, lengths[row]).reduce((sum, logprob, t) => sum + logprob - reference[row]![t]!, 0);
      return reward - beta * kl;
    });
  }
  const ours = grouped(rewards, batch, groupAdvantagePresets.trl.rloo);
  if (options['normalize_advantages'] !== true) return ours;
  // Only rows with something to compare with are normalised: not scored, and alone in their group, are NaN in TRL.
  const scored = (row: number) =>
    !Number.isNaN(rewards[row]) &&
    batch.groupIds.some((id, other) => other !== row && id === batch.groupIds[row] && !Number.isNaN(rewards[other]));
  const kept = (values: Float64Array) => values.map((value, row) => (scored(row) ? value : Number.NaN));
  return {
    native: standardize(kept(ours.native)),
    reference: standardizeReference(kept(ours.reference)),
  };
}

function grouped(rewards: Float64Array, { groupIds }: Batch, options: GroupAdvantageOptions): Ours {
  return {
    native: groupAdvantages(rewards, groupIds, options),
    reference: groupAdvantagesReference(rewards, groupIds, options),
  };
}
